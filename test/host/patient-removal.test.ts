import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { removePatiently } from '../../src/host/patient-removal.js'
import type { RemoveTreeOptions, RemovedTree } from '../../src/host/remove-tree.js'

const heldOpen = '.nfs00000000000f1e2d00000003'

/** A tree whose last file is closed after so many attempts. */
function closing(after: number) {
  const asked: (number | string)[] = []
  let attempts = 0
  return {
    asked,
    remove: (_path: string, { onProgress }: RemoveTreeOptions): Promise<RemovedTree> => {
      onProgress?.(1)
      const isOpen = attempts++ < after
      return Promise.resolve({ entriesRemoved: 1, ...(isOpen ? { heldOpen } : {}) })
    },
    pause: (ms: number) => Promise.resolve(void asked.push(ms)),
    onWait: (reason: string) => void asked.push(reason),
  }
}

t.test('what is still open on NFS is waited for, and the progress says so and never goes back', async (t) => {
  const { asked, ...options } = closing(3)
  const progress: number[] = []
  await removePatiently('/tree', { ...options, onProgress: (removed) => void progress.push(removed) })
  const waits = `a process of this host to close "${heldOpen}"`
  t.same(asked, [waits, 1000, waits, 1000, waits, 2000])
  t.same(progress, [1, 2, 3, 4])
})

t.test('what stays open is given up after two minutes, and the message says who can be asked', async (t) => {
  const { asked, ...options } = closing(Infinity)
  await t.rejects(removePatiently('/tree', options), {
    code: 'in-use',
    message: new RegExp(`${heldOpen}.*still open`),
    hint: /tried again.*fuser -v/,
  })
  const waited = asked.reduce<number>((sum, one) => sum + (typeof one === 'number' ? one : 0), 0)
  t.ok(waited > 60_000 && waited < 180_000, `${waited}`)
})

t.test('nothing is waited for in a tree that goes at once', async (t) => {
  const path = join(mkdtempSync(join(tmpdir(), 'convoy-patient-')), 'tree')
  mkdirSync(path)
  writeFileSync(join(path, heldOpen), 'closed')
  await removePatiently(path, { onWait: (reason) => t.fail(reason) })
})

t.test('whoever stops it does not wait', async (t) => {
  const { onWait, remove } = closing(Infinity)
  const stop = new AbortController()
  const stopped = new Error('stopped')
  const attempts: unknown[] = []
  const again = (path: string, options: RemoveTreeOptions) => {
    attempts.push(path)
    if (options.signal?.aborted === true) throw stopped
    queueMicrotask(() => stop.abort())
    return remove(path, options)
  }
  await t.rejects(removePatiently('/tree', { onWait, remove: again, signal: stop.signal }), stopped)
  t.equal(attempts.length, 2)
})
