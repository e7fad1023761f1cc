import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DirectoryRoot } from '../../../src/drivers/vfs/vfs-root.js'
import type { ExpectedMount } from '../../../src/host/fstab.js'
import { FileProcess } from '../../../src/host/file-process.js'

const directory = await realpath(await mkdtemp(join(tmpdir(), 'convoy-root-')))
t.teardown(() => rm(directory, { recursive: true }))

let missing: ExpectedMount | undefined

function rootAt(path: string): DirectoryRoot {
  const findMissingMount = () => Promise.resolve(missing)
  return new DirectoryRoot({ path, isOurs: false, files: new FileProcess(), findMissingMount })
}

t.test('all who look at once share one look, and the next one looks again', async (t) => {
  const path = join(directory, 'late')
  const root = rootAt(path)
  const first = root.find()
  t.equal(root.find(), first)
  await t.rejects(first, { code: 'unavailable', hint: /mount the disk/ })
  await mkdir(path)
  await root.find()
  t.equal(root.path, path)
})

t.test('a directory that is to be a mountpoint, and is none yet, is not taken for the storage', async (t) => {
  const path = join(directory, 'mountpoint')
  await mkdir(path)
  const root = rootAt(path)
  missing = { source: 'nas:/exports', mountpoint: path }
  await t.rejects(root.find(), { code: 'unavailable', message: /nas:\/exports is to be mounted there/, hint: /mount / })
  missing = undefined
  await root.find()
  t.equal(root.path, path)
})
