import { chmod, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises'
import type { Test } from 'tap'
import t from 'tap'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { named, newId, requestFor, Subject } from '../../conformance/driver-world.js'
import { sidecarText, VfsDirectory } from './vfs-directory.js'

const isRoot = process.getuid?.() === 0

async function open(t: Test): Promise<{ directory: VfsDirectory; subject: Subject }> {
  const directory = await VfsDirectory.open()
  t.teardown(() => directory.close())
  return { directory, subject: new Subject(directory, () => new FaultInjector()) }
}

const create = (subject: Subject, name: string, options: Record<string, string> = {}) =>
  subject.create(requestFor(name, { options }))

t.test('a directory that is missing is not found, and the message says what to do', async (t) => {
  const { directory, subject } = await open(t)
  const volume = await subject.make('db')
  await rm(directory.at('db'), { recursive: true })
  await t.rejects(subject.attach(volume), { code: 'not-found', hint: /delete --reference db/ })
  await t.rejects(subject.retire(volume, 'trashed'), { code: 'not-found' }, 'there is nothing to keep')
  t.same(await subject.listed(), [], 'it is deleted nevertheless')
})

t.test('a disk that is not mounted is not there now: no volume is said to be gone', async (t) => {
  const { directory, subject } = await open(t)
  const volume = await subject.make('db', 'kept')
  const unavailable = async (what: string) => {
    await t.rejects(subject.attach(volume), { code: 'unavailable', hint: /mount the disk/ }, what)
    await t.rejects(subject.retire(volume, 'forgotten'), { code: 'unavailable' }, what)
    await t.rejects(subject.retire(volume, 'trashed'), { code: 'unavailable' }, what)
    await t.rejects(subject.revive(volume, 'db'), { code: 'unavailable' }, what)
    await t.rejects(subject.remove(volume), { code: 'unavailable' }, what)
  }
  const refused = { code: 'unavailable', hint: /mount the disk/ }
  await rename(directory.path, `${directory.path}-away`)
  await unavailable('nothing is there')
  await t.rejects(create(subject, 'new'), refused, 'by the process that has made volumes there')
  await mkdir(directory.path)
  await t.rejects(create(subject, 'new'), refused, 'an empty mountpoint is there')
  await rm(directory.path, { recursive: true })
  subject.restart()
  await t.rejects(create(subject, 'new'), { code: 'unavailable' })
  await mkdir(directory.path)
  await unavailable('an empty mountpoint is there')
  await rm(directory.path, { recursive: true })
  await rename(`${directory.path}-away`, directory.path)
  t.equal(await subject.read(volume), 'kept')
})

t.test(
  'a root that is read-only refuses a new volume and says why; the volumes that are there can be mounted',
  { skip: isRoot ? 'root may write everywhere; test/integration/daemon/read-only has a read-only disk' : false },
  async (t) => {
    const { directory, subject } = await open(t)
    const volume = await subject.make('db', 'kept')
    await chmod(directory.path, 0o555)
    await chmod(directory.at('.convoy', 'volumes'), 0o555)
    await t.rejects(create(subject, 'new'), { code: 'unavailable', message: /permission denied/ })
    t.ok(await subject.attach(volume))
    await chmod(directory.path, 0o755)
    await chmod(directory.at('.convoy', 'volumes'), 0o755)
  },
)

t.test('compat: one bad sidecar hides no other volume, and is left alone', async (t) => {
  const { directory, subject } = await open(t)
  await subject.make('db', 'kept')
  const bad: Record<string, string> = {
    empty: '',
    half: sidecarText({ name: 'half' }).slice(0, 60),
    list: '[]',
    future: sidecarText({ name: 'future', version: 2 }),
    'of another name': sidecarText({ name: 'db2', id: newId() }),
    'a b': sidecarText({ name: 'a b' }),
    ü: sidecarText({ name: 'ü' }),
    trashed: sidecarText({ name: 'trashed', state: 'trashed' }),
    escape: sidecarText({ name: 'escape', directory: '../../etc' }),
    binary: '\u0000\u0001\ufffd',
    large: ' '.repeat(2 ** 20 + 1),
  }
  for (const [name, text] of Object.entries(bad)) await directory.writeSidecar(name, text)
  await mkdir(directory.at('.convoy', 'volumes', 'directory.json'))
  await symlink('/etc/passwd', directory.at('.convoy', 'volumes', 'link.json'))
  await directory.writeSidecar('good', sidecarText({ name: 'good', directory: 'good', id: newId() }))
  t.same(await subject.listed(), ['db live', 'good live'])
  t.ok(subject.journals.log.has('not a sidecar'))
  t.equal((await readdir(directory.at('.convoy', 'volumes'))).length, Object.keys(bad).length + 4)
})

t.test("a volume whose sidecar is another volume's by now is left untouched", async (t) => {
  const { directory, subject } = await open(t)
  const volume = await subject.make('db', 'of somebody else by now')
  await directory.writeSidecar('db', sidecarText({ id: newId() }))
  await t.rejects(subject.retire(volume, 'trashed'), { code: 'not-found' })
  await subject.remove(volume)
  t.equal(await directory.readPlanted('db'), 'of somebody else by now')
})

const unreadable: Readonly<Record<string, readonly [text: string, message: RegExp, hint: RegExp]>> = {
  'is empty': ['', /volumes\/db\.json.*empty/, /put back a copy/],
  'is cut off': [sidecarText().slice(0, 50), /volumes\/db\.json.*cut off/, /put back a copy/],
  'is of a newer version': [sidecarText({ version: 2 }), /volumes\/db\.json.*newer version/, /install that version/],
}
for (const [what, [written, message, hint]] of Object.entries(unreadable))
  t.test(`MH13 a sidecar that ${what} is never overwritten, whatever is done with its volume`, async (t) => {
    const { directory, subject } = await open(t)
    const [db, other] = [await subject.make('db', 'kept'), await subject.make('other', 'kept, too')]
    const text = written.replace(/1{8}-[-0-9]+/, db.id)
    await directory.writeSidecar('db', text)
    const refused = { code: 'unavailable', message, hint }
    await t.rejects(create(subject, 'db'), refused)
    await t.rejects(create(subject, 'db', { id: 'other' }), refused)
    await t.rejects(create(subject, 'new', { id: 'db' }), { code: 'already-exists' })
    await t.rejects(subject.retire(db, 'forgotten'), refused)
    await t.rejects(subject.retire(db, 'trashed'), refused)
    await t.rejects(subject.revive(db, 'db'), refused)
    await t.rejects(subject.driver.resize(db, 2 ** 30, subject.call(db)), refused)
    const trashed = await subject.retire(other, 'trashed')
    await t.rejects(subject.revive(trashed, 'db'), refused, 'nor is its name given to another')
    t.same(await subject.listed(), ['other trashed'])
    t.ok(subject.journals.log.has('not a sidecar'))
    t.equal(await readFile(directory.at('.convoy', 'volumes', 'db.json'), 'utf8'), text)
    t.equal(await subject.read(db), 'kept', 'it can still be mounted')
    t.equal(await subject.read(await subject.revive(trashed, 'other')), 'kept, too')
  })

t.test('MH13 what a newer program wrote into a sidecar survives whatever becomes of the volume', async (t) => {
  const { directory, subject } = await open(t)
  const volume = await subject.make('db', 'kept')
  const file = directory.at('.convoy', 'volumes', 'db.json')
  const written = JSON.parse(await readFile(file, 'utf8')) as object
  await writeFile(file, JSON.stringify({ ...written, colour: { deep: ['red'] }, lease: 7 }))
  const kept = async (name: string) =>
    t.match(JSON.parse(await readFile(directory.at('.convoy', ...name.split('/')), 'utf8')), {
      colour: { deep: ['red'] },
      lease: 7,
    })
  await subject.driver.resize(volume, 2 ** 30, subject.call(volume))
  await kept('volumes/db.json')
  await subject.revive(await subject.retire(volume, 'forgotten'), 'db')
  await kept('volumes/db.json')
  const trashed = await subject.retire(volume, 'trashed')
  await kept(`trash/${volume.id}.json`)
  await subject.revive(trashed, 'renamed')
  await kept('volumes/renamed.json')
})

t.test('compat: another host sees what this one makes, forgets and deletes', async (t) => {
  const { directory, subject } = await open(t)
  const other = new Subject(
    Object.assign(Object.create(directory) as VfsDirectory, {
      open: (faults: FaultInjector) => directory.open(faults, 'that-host'),
    }),
    () => new FaultInjector(),
  )
  const volume = await subject.make('db', 'kept')
  t.match(await other.discover(), [{ handle: volume, state: 'live' }])
  await other.attach(volume)
  await other.detach(volume)
  t.equal(await subject.read(volume), 'kept', "one host's detach does not touch the other")
  await other.retire(volume, 'forgotten')
  t.same(await subject.listed(), ['db forgotten'])
  const taken = await subject.create(requestFor('db'))
  t.equal(taken.handle.id, volume.id, 'a create takes it back, whoever forgot it')
  t.same(await other.listed(), ['db live'])
})

t.test('removing what was never there makes nothing and fails at nothing', async (t) => {
  const { directory, subject } = await open(t)
  await subject.remove({ name: named('db'), id: newId(), attributes: {} })
  t.same(await readdir(directory.path), [])
  await subject.make('other')
  await subject.remove({ name: named('db'), id: newId(), attributes: { directory: 'db', trashed: 'true' } })
  t.same((await readdir(directory.path)).sort(), ['.convoy', 'other'])
})
