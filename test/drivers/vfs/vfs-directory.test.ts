import { chmod, mkdir, readFile, readdir, rename, stat, symlink, writeFile } from 'node:fs/promises'
import type { Test } from 'tap'
import t from 'tap'
import type { Sidecar } from '../../../src/drivers/vfs/sidecar.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { requestFor, Subject } from '../../conformance/driver-world.js'
import { VfsDirectory } from './vfs-directory.js'

const isRoot = process.getuid?.() === 0

async function open(t: Test): Promise<{ directory: VfsDirectory; subject: Subject }> {
  const directory = await VfsDirectory.open()
  t.teardown(() => directory.close())
  return { directory, subject: new Subject(directory, () => new FaultInjector()) }
}

const create = (subject: Subject, name: string, options: Record<string, string> = {}) =>
  subject.create(requestFor(name, { options }))

t.test('a volume is a directory with that name, beside our own', async (t) => {
  const { directory, subject } = await open(t)
  const { handle } = await create(subject, 'db')
  t.same((await readdir(directory.path)).sort(), ['.convoy', 'db'])
  t.same(await subject.attach(handle), { kind: 'directory', path: directory.at('db') })
  const sidecar = JSON.parse(await readFile(directory.at('.convoy', 'volumes', 'db.json'), 'utf8')) as object
  t.match(sidecar, { version: 1, name: 'db', id: handle.id, state: 'live', host: 'this-host', origin: 'created' })
  t.equal((await stat(directory.at('.convoy'))).mode & 0o777, 0o700)
})

t.test('each writing of a sidecar is one generation more, and says which host wrote it', async (t) => {
  const { directory, subject } = await open(t)
  const written = async (...path: readonly string[]) => {
    const { generation, host } = JSON.parse(await readFile(directory.at('.convoy', ...path), 'utf8')) as Sidecar
    return `${generation} ${host}`
  }
  const { handle } = await create(subject, 'db')
  t.equal(await written('volumes', 'db.json'), '1 this-host')
  await subject.retire(handle, 'forgotten')
  t.equal(await written('volumes', 'db.json'), '2 this-host')
  await subject.revive(handle, 'db')
  t.equal(await written('volumes', 'db.json'), '3 this-host')
  await subject.retire(handle, 'trashed')
  t.equal(await written('trash', `${handle.id}.json`), '4 this-host')
})

t.test('however many sidecars there are, discovery finds each of them once', async (t) => {
  const { directory, subject } = await open(t)
  const { handle } = await create(subject, 'db')
  const sidecar = JSON.parse(await readFile(directory.at('.convoy', 'volumes', 'db.json'), 'utf8')) as object
  const names = Array.from({ length: 600 }, (_, index) => `more-${index}`)
  for (const [index, name] of names.entries()) {
    const id = `${handle.id.slice(0, -4)}${String(index).padStart(4, '0')}`
    const text = JSON.stringify({ ...sidecar, name, id, directory: name })
    await writeFile(directory.at('.convoy', 'volumes', `${name}.json`), text)
  }
  const found = (await subject.discover()).map((one) => one.handle.name)
  t.same([...found].sort(), ['db', ...names].sort())
})

t.test('compat: a new volume can be used by users other than root', async (t) => {
  const { directory, subject } = await open(t)
  await create(subject, 'db')
  t.equal((await stat(directory.at('db'))).mode & 0o7777, 0o755)
})

t.test('mode is what was asked for, and stays what its owner made of it', async (t) => {
  const { directory, subject } = await open(t)
  const request = requestFor('db', { options: { mode: '2770' } })
  await subject.create(request)
  t.equal((await stat(directory.at('db'))).mode & 0o7777, 0o2770)
  await chmod(directory.at('db'), 0o700)
  await subject.create(request)
  t.equal((await stat(directory.at('db'))).mode & 0o7777, 0o700)
})

t.test(
  'uid and gid own the new directory',
  { skip: isRoot ? false : 'only root can give a directory to somebody else' },
  async (t) => {
    const { directory, subject } = await open(t)
    await create(subject, 'db', { uid: '1234', gid: '2345', mode: '4750' })
    const found = await stat(directory.at('db'))
    t.same([found.uid, found.gid, found.mode & 0o7777], [1234, 2345, 0o4750])
  },
)

t.test('an adopted directory keeps its mode and owner', async (t) => {
  const { directory, subject } = await open(t)
  const options = await directory.plant('was here before')
  await chmod(directory.at('planted'), 0o711)
  await create(subject, 'db', { ...options, mode: '0777' })
  t.equal((await stat(directory.at('planted'))).mode & 0o777, 0o711)
})

t.test('vm makes a sparse disk image of the size at the first mount', async (t) => {
  const { directory, subject } = await open(t)
  const { handle } = await create(subject, 'vm1', { vm: 'true', size: '10g' })
  await subject.attach(handle)
  const image = await stat(directory.at('vm1', 'disk.img'))
  t.equal(image.size, 10 * 2 ** 30)
  t.ok(image.blocks * 512 < 2 ** 20, 'it takes no space')
  await writeFile(directory.at('vm1', 'disk.img'), 'installed')
  await subject.attach(handle)
  t.equal(await readFile(directory.at('vm1', 'disk.img'), 'utf8'), 'installed')
  const other = await create(subject, 'vm2', { vm: 'true' })
  await subject.attach(other.handle)
  t.equal((await stat(directory.at('vm2', 'disk.img'))).size, 2 ** 30, 'the default size')
  t.equal((await subject.driver.inspect(handle, subject.call(handle)))['PrepareForVM'], 'true')
})

t.test(
  'compat: a directory that bears the name of a new volume is taken over with its content, and never deleted',
  async (t) => {
    const { directory, subject } = await open(t)
    await directory.plant('was here before', 'old')
    const { handle, origin } = await create(subject, 'old')
    t.equal(origin, 'adopted')
    t.equal(await subject.read(handle), 'was here before')
    await subject.remove(await subject.retire(handle, 'trashed'))
    t.equal(await directory.readPlanted('old'), 'was here before')
  },
)

t.test('a directory that another volume uses is refused, by its own name and by id', async (t) => {
  const { directory, subject } = await open(t)
  const options = await directory.plant('was here before')
  const { handle } = await create(subject, 'db', options)
  await t.rejects(create(subject, 'planted'), { code: 'already-exists' })
  await t.rejects(create(subject, 'other', options), { code: 'already-exists' })
  await t.rejects(create(subject, 'other', { id: 'db2' }), { code: 'not-found', message: /db2/ })
  t.equal(await subject.read(handle), 'was here before')
})

for (const id of ['../escape', '.convoy', '/etc', 'lost+found', '', '.', 'a/b'])
  t.test(`compat: a volume cannot take over ${JSON.stringify(id)}`, async (t) => {
    const { subject } = await open(t)
    await t.rejects(create(subject, 'db', { id }), { code: 'invalid-argument' })
    t.same(await subject.listed(), [])
  })

t.test(
  'compat: on a share of Convoy 0.5, a volume named config is refused, because its own files are there',
  async (t) => {
    const { directory, subject } = await open(t)
    await mkdir(directory.at('config'))
    await writeFile(directory.at('config', 'vfs_volume_old.json'), '{}')
    await t.rejects(create(subject, 'config'), { code: 'invalid-argument', message: /Convoy 0\.5/ })
    t.same(await readdir(directory.at('config')), ['vfs_volume_old.json'])
  },
)

t.test('compat: elsewhere config is a name like any other', async (t) => {
  const { directory, subject } = await open(t)
  const other = await subject.make('other', 'kept')
  const config = await subject.make('config', 'mine')
  await subject.remove(config)
  t.same(await subject.listed(), ['other live'])
  t.equal(await subject.read(other), 'kept')
  t.same((await readdir(directory.path)).sort(), ['.convoy', 'other'])
})

t.test('a link in place of the directory is not followed: by no call', async (t) => {
  const { directory, subject } = await open(t)
  await directory.plant('of the host', 'elsewhere')
  await symlink(directory.at('elsewhere'), directory.at('link'))
  await t.rejects(create(subject, 'link'), { code: 'invalid-argument', message: /not a directory/ })
  const volume = await subject.make('db', 'kept')
  await rename(directory.at('db'), directory.at('away'))
  await symlink(directory.at('elsewhere'), directory.at('db'))
  await t.rejects(subject.attach(volume), { code: 'invalid-argument' })
  const trashed = await subject.retire(volume, 'trashed')
  await t.rejects(subject.remove(trashed), { code: 'unavailable' })
  t.equal(await directory.readPlanted('elsewhere'), 'of the host')
  t.equal(await directory.readPlanted('away'), 'kept')
})

t.test('a file in place of the directory is no volume', async (t) => {
  const { directory, subject } = await open(t)
  await writeFile(directory.at('db'), 'a file')
  await t.rejects(create(subject, 'db'), { code: 'invalid-argument', hint: /another name/ })
  t.equal(await readFile(directory.at('db'), 'utf8'), 'a file')
  t.same(await subject.listed(), [])
})

t.test('a volume does not come back where somebody has put something else meanwhile', async (t) => {
  const { directory, subject } = await open(t)
  const trashed = await subject.retire(await subject.make('db', 'kept'), 'trashed')
  await directory.plant('of the host', 'db')
  await t.rejects(subject.revive(trashed, 'db'), { code: 'already-exists' })
  t.same(await subject.listed(), ['db trashed'], 'and nothing has begun')
  t.equal(await directory.readPlanted('db'), 'of the host')
  t.equal(await subject.read(await subject.revive(trashed, 'db-old')), 'kept')
})

t.test('compat: removing vol1 leaves all of vol10', async (t) => {
  const { directory, subject } = await open(t)
  const [one, ten] = [await subject.make('vol1', 'one'), await subject.make('vol10', 'ten')]
  await subject.remove(one)
  t.equal(await subject.read(ten), 'ten')
  t.same((await readdir(directory.path)).sort(), ['.convoy', 'vol10'])
})

t.test('removing a volume removes all that is in it and nothing that it leads to', async (t) => {
  const { directory, subject } = await open(t)
  await directory.plant('of the host', 'elsewhere')
  const volume = await subject.make('db', 'gone')
  await mkdir(directory.at('db', 'a', 'b', 'c'), { recursive: true })
  await symlink(directory.at('elsewhere'), directory.at('db', 'a', 'link'))
  await symlink('/', directory.at('db', 'a', 'b', 'root'))
  await symlink('..', directory.at('db', 'a', 'b', 'up'))
  await subject.remove(volume)
  t.equal(await directory.readPlanted('elsewhere'), 'of the host')
  t.same(await readdir(directory.at('.convoy', 'trash')), [])
  t.same(await readdir(directory.at('.convoy', 'volumes')), [])
})

t.test(
  'info and inspect say where things are, and that a size is only recorded where it is not enforced',
  async (t) => {
    const { directory, subject } = await open(t)
    const { handle } = await create(subject, 'db', { size: '10m' })
    t.match(subject.driver.describe(), { Path: directory.path, DefaultVolumeSize: String(2 ** 30) })
    const shown = await subject.driver.inspect(handle, subject.call(handle))
    t.match(shown, { Path: directory.at('db'), PrepareForVM: 'false', SizeEnforced: 'false' })
  },
)
