import { mkdir, mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { DirectoryRoot } from '../../../src/drivers/vfs/vfs-root.js'
import type { ExpectedMount } from '../../../src/host/fstab.js'
import { FileProcess, type FileRunner } from '../../../src/host/file-process.js'
import { ConvoyError } from '../../../src/errors.js'
import { minuteMs } from '../../fakes/fake-clock.js'
import { FakeTime } from './fake-time.js'

const directory = await realpath(await mkdtemp(join(tmpdir(), 'convoy-root-')))
t.teardown(() => rm(directory, { recursive: true }))

let missing: ExpectedMount | undefined

function rootAt(path: string, files: FileRunner = new FileProcess(), time = new FakeTime()): DirectoryRoot {
  const findMissingMount = () => Promise.resolve(missing)
  return new DirectoryRoot({ path, isOurs: false, files, findMissingMount, ...time.clock })
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

t.test(
  'a directory on a share that somebody mounted is looked at while it is silent, and given up after long',
  async (t) => {
    const time = new FakeTime()
    let silent = true
    const files: FileRunner = {
      run: () => (silent ? Promise.reject(new ConvoyError('unavailable', 'no answer')) : Promise.resolve([])),
      close: () => undefined,
    }
    const root = rootAt(directory, files, time)
    const look = () => root.use(() => files.run([{ op: 'statfs', path: directory }]))
    await root.find()
    t.ok(root.isThere)
    await t.rejects(look(), { code: 'unavailable' })
    t.equal(root.longDown, undefined)
    t.notOk(root.isThere)
    time.ms += 11 * minuteMs
    t.match(root.longDown, { code: 'deadline-exceeded', message: `${directory} has not answered for 11 minutes` })
    silent = false
    await time.pass()
    t.equal(root.longDown, undefined, 'a look has found it')
    t.equal(time.timer, undefined)
  },
)
