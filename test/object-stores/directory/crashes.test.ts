import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { DirectoryStore } from '../../../src/object-stores/directory/directory-store.js'
import { listAll } from '../../conformance/object-store.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'

const program = fileURLToPath(new URL('dying-put.js', import.meta.url))
const call = patientCall()
const [old, fresh] = ['o'.repeat(100_000), 'f'.repeat(200_000 / 2)]

/** Whether the process was killed before it had stored the object. */
async function putAndDie(path: string, key: string, how: string, step: number): Promise<boolean> {
  const child = spawn(process.execPath, [program, path, key, fresh, how, String(step)], { stdio: 'inherit' })
  const [code, signal] = (await once(child, 'close')) as readonly unknown[]
  if (signal !== 'SIGKILL' && code !== 0) throw new Error(`the child ended with ${String(code)} ${String(signal)}`)
  return signal === 'SIGKILL'
}

/** Kills puts before each of their steps, a few at a time; resolves to what is seen of the object after each. */
async function sweep(t: Test, how: 'create' | 'replace'): Promise<readonly (string | undefined)[]> {
  const seen: (string | undefined)[] = []
  const next = async (step: number): Promise<void> => {
    const path = memoryDirectory(t)
    const store = await DirectoryStore.open(path, { url: 'vfs:' })
    if (how === 'replace') await store.put('data/ab/one', Buffer.from(old), {}, call)
    if (!(await putAndDie(path, 'data/ab/one', how, step))) return
    const listed = await listAll(store)
    const found = await store.get('data/ab/one', undefined, call).catch(() => undefined)
    t.strictSame(
      listed.map(({ key, sizeBytes }) => [key, sizeBytes]),
      found === undefined ? [] : [['data/ab/one', found.length]],
      `step ${step}: what is listed is what is read`,
    )
    seen[step] = found?.toString()
    // Whoever comes next is not in the way of what the dead one left.
    await store.put('data/ab/one', Buffer.from('next'), {}, call)
    t.equal(String(await store.get('data/ab/one', undefined, call)), 'next')
    await store.close()
    await next(step + 2)
  }
  await Promise.all([next(0), next(1)])
  return seen
}

t.test('BK02: a put that is killed at any step has stored nothing or the whole object', async (t) => {
  const seen = await sweep(t, 'create')
  t.ok(seen.length > 15, `${seen.length} steps`)
  for (const [step, content] of seen.entries()) t.ok([undefined, fresh].includes(content), `step ${step}`)
  t.ok(seen.includes(undefined) && seen.includes(fresh), 'both were seen')
})

t.test('BK02: a put that is killed at any step has kept the old object or stored the new one', async (t) => {
  const seen = await sweep(t, 'replace')
  for (const [step, content] of seen.entries()) t.ok(content === old || content === fresh, `step ${step}`)
  t.ok(seen.includes(old) && seen.includes(fresh), 'both were seen')
})
