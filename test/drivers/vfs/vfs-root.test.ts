import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { VfsRoot } from '../../../src/drivers/vfs/vfs-root.js'
import { FileProcess } from '../../../src/host/file-process.js'

const directory = await realpath(await mkdtemp(join(tmpdir(), 'convoy-root-')))
t.teardown(() => rm(directory, { recursive: true }))

t.test('all who look at once share one look, and the next one looks again', async (t) => {
  const path = join(directory, 'late')
  const root = new VfsRoot({ path, isOurs: false, files: new FileProcess() })
  const first = root.find()
  t.equal(root.find(), first)
  await t.rejects(first, { code: 'unavailable', hint: /mount the disk/ })
  await mkdir(path)
  await root.find()
  t.equal(root.path, path)
})
