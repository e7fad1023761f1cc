import type { Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { FaultInjector } from '../fakes/fault-injector.js'
import { driverFaultConformance } from './driver-faults.js'
import { othersConformance } from './driver-others.js'
import { type DriverStorage, newId, requestFor, Subject } from './driver-world.js'
import { snapshotConformance } from './snapshots.js'

/** What every driver must do: the contract of src/drivers/driver.ts as tests. Each gets a storage of its own. */
export function driverConformance(t: Test, name: string, openStorage: () => Promise<DriverStorage>): void {
  const withSubject = (title: string, body: (t: Test, subject: Subject) => Promise<void>) =>
    t.test(`${name}: ${title}`, async (t) => {
      const storage = await openStorage()
      t.teardown(() => storage.close())
      await body(t, new Subject(storage, () => new FaultInjector()))
    })
  creation(withSubject)
  attachment(withSubject)
  forgetting(withSubject)
  trash(withSubject)
  othersConformance(withSubject)
  snapshotConformance(withSubject)
  driverFaultConformance(withSubject)
}

export type WithSubject = (title: string, body: (t: Test, subject: Subject) => Promise<void>) => unknown

function creation(withSubject: WithSubject): void {
  withSubject('a new volume is empty, and keeps what is written into it', async (t, subject) => {
    const request = requestFor('db')
    const { handle, origin } = await subject.create(request)
    t.match(handle, { name: 'db', id: request.id })
    t.equal(origin, 'created')
    t.equal(await subject.read(handle), undefined)
    await subject.write(handle, 'kept')
    subject.restart()
    t.equal(await subject.read(handle), 'kept')
  })

  withSubject('the same create again returns the same volume, and keeps its data', async (t, subject) => {
    const request = requestFor('db', { options: { size: '10m' }, onRemove: 'trash' })
    const first = await subject.create(request)
    t.equal(first.sizeBytes, 10 * 1024 * 1024)
    await subject.write(first.handle, 'kept')
    t.same(await subject.create(request), first)
    subject.restart()
    t.same(await subject.create(request), first)
    t.equal(await subject.read(first.handle), 'kept')
  })

  withSubject('a name that the storage knows is never made anew', async (t, subject) => {
    const there = await subject.make('db', 'kept')
    const again = await subject.create(requestFor('db')).catch((thrown: unknown) => thrown)
    if (again instanceof ConvoyError) t.equal(again.code, 'already-exists')
    else t.match(again, { handle: { id: there.id } })
    t.equal(await subject.read(there), 'kept')
    t.same(await subject.listed(), ['db live'])
  })

  withSubject('the size of a volume that asks for none is not made up', async (t, subject) => {
    t.equal((await subject.create(requestFor('db'))).sizeBytes, undefined)
  })

  const hostile = [
    'a',
    'vol1',
    'vol10',
    'a..b',
    'a.json',
    'a.partial',
    'a-',
    'A',
    'constructor',
    'CON',
    'x'.repeat(128),
  ]
  withSubject('names that look like something else are names like any other', async (t, subject) => {
    const handles = []
    for (const name of hostile) handles.push(await subject.make(name, `data of ${name}`))
    for (const handle of handles) t.equal(await subject.read(handle), `data of ${handle.name}`)
    t.equal((await subject.discover()).length, hostile.length)
    for (const [index, handle] of handles.entries()) {
      await subject.remove(await subject.retire(handle, 'trashed'))
      for (const rest of handles.slice(index + 1)) t.equal(await subject.read(rest), `data of ${rest.name}`)
    }
    t.same(await subject.discover(), [])
  })
}

function attachment(withSubject: WithSubject): void {
  withSubject('attach and detach may be repeated, in any process', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    const source = await subject.attach(volume)
    t.same(await subject.attach(volume), source)
    subject.restart()
    t.same(await subject.attach(volume), source)
    await subject.detach(volume)
    await subject.detach(volume)
    subject.restart()
    await subject.detach(volume)
    t.equal(await subject.read(volume), 'kept')
  })

  withSubject('a stateless attachment is known without asking the storage', async (t, subject) => {
    const volume = await subject.make('db')
    const source = await subject.attach(volume)
    await subject.detach(volume)
    subject.faults.hang()
    const place = subject.driver.placeOf(volume)
    t.equal(place?.path, source.kind === 'directory' ? source.path : undefined)
    t.equal(subject.driver.attachment, source.kind === 'directory' ? 'stateless' : 'recorded')
  })

  withSubject('a mount source is something that can be mounted: absolute, and inside itself', async (t, subject) => {
    const source = await subject.attach(await subject.make('db'))
    if (source.kind === 'directory') t.match(source.path, /^\/.*[^/]$/)
    else t.notMatch(source.subdirectory, /^\/|(?:^|\/)\.\.(?:\/|$)/)
  })

  withSubject('a volume gets another size, again and again, and a new process finds it', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    if (subject.storage.isRigid === true) {
      await t.rejects(subject.driver.resize(volume, 2 ** 30, subject.call(volume)), { code: 'unsupported' })
      return
    }
    for (const sizeBytes of [2 ** 30, 2 ** 30, 2 ** 31]) {
      t.same(await subject.driver.resize(volume, sizeBytes, subject.call(volume)), volume)
    }
    subject.restart()
    t.match(await subject.discover(), [{ state: 'live', sizeBytes: 2 ** 31 }])
    t.equal(await subject.read(volume), 'kept')
    const stranger = { ...volume, id: '22222222-0000-4000-8000-000000000000' }
    await t.rejects(subject.driver.resize(stranger, 1, subject.call(stranger)), { code: 'not-found' })
  })

  withSubject('what a volume takes is a number of bytes that grows with its data', async (t, subject) => {
    const volume = await subject.make('db')
    if (subject.storage.isRigid === true) {
      await t.rejects(subject.driver.usage(volume, subject.call(volume)), { code: 'unavailable' })
      return
    }
    const empty = await subject.driver.usage(volume, subject.call(volume))
    await subject.write(volume, 'x'.repeat(100_000))
    const full = await subject.driver.usage(volume, subject.call(volume))
    t.ok(Number.isSafeInteger(empty) && empty >= 0 && full > empty, `${empty} and ${full}`)
  })

  withSubject('a storage that was used says how much room it has', async (t, subject) => {
    const volume = await subject.make('db')
    for await (const { storage, sizeBytes, freeBytes } of subject.driver.spaces(subject.call(volume))) {
      t.type(storage, 'string')
      t.ok(sizeBytes >= freeBytes && freeBytes >= 0, `${freeBytes} of ${sizeBytes}`)
    }
  })

  withSubject('inspect and describe answer while the storage hangs', async (t, subject) => {
    const volume = await subject.make('db')
    subject.faults.hang()
    t.match(await subject.driver.limitOf(volume), /^(?:hard|soft|none)$/)
    const own = { ...(await subject.driver.inspect(volume, subject.call(volume))), ...subject.driver.describe() }
    const shown = { ...own, ...subject.driver.remarks(volume) }
    for (const [key, value] of Object.entries(shown)) t.type(value, 'string', key)
  })

  withSubject('two volumes are two', async (t, subject) => {
    const [one, other] = [await subject.make('one', 'one'), await subject.make('other', 'other')]
    t.equal(await subject.read(one), 'one')
    t.equal(await subject.read(other), 'other')
  })
}

function forgetting(withSubject: WithSubject): void {
  withSubject('a forgotten volume keeps its data and comes back, however often that is said', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    const forgotten = await subject.retire(volume, 'forgotten')
    t.same(await subject.retire(volume, 'forgotten'), forgotten)
    subject.restart()
    t.same(await subject.listed(), ['db forgotten'])
    const back = await subject.revive(forgotten, 'db')
    t.same(await subject.revive(forgotten, 'db'), back)
    t.same(await subject.listed(), ['db live'])
    t.equal(await subject.read(back), 'kept')
  })

  withSubject('a forgotten volume can go to the trash', async (t, subject) => {
    const forgotten = await subject.retire(await subject.make('db', 'kept'), 'forgotten')
    const trashed = await subject.retire(forgotten, 'trashed')
    t.same(await subject.listed(), ['db trashed'])
    t.equal(await subject.read(await subject.revive(trashed, 'db')), 'kept')
  })

  withSubject('revive of a volume that was never retired changes nothing', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    t.match(await subject.revive(volume, 'db'), { id: volume.id })
    t.equal(await subject.read(volume), 'kept')
  })
}

function trash(withSubject: WithSubject): void {
  withSubject('a trashed volume frees its name, and comes back under another', async (t, subject) => {
    const trashed = await subject.retire(await subject.make('db', 'old'), 'trashed')
    t.same(await subject.retire(trashed, 'trashed'), trashed)
    const fresh = await subject.make('db')
    t.equal(await subject.read(fresh), undefined)
    await subject.write(fresh, 'new')
    t.same(await subject.listed(), ['db live', 'db trashed'])
    await t.rejects(subject.revive(trashed, 'db'), { code: 'already-exists' })
    t.same(await subject.listed(), ['db live', 'db trashed'], 'what was refused changed nothing')
    const back = await subject.revive(trashed, 'db-old')
    t.same(await subject.revive(trashed, 'db-old'), back)
    t.equal(back.name, 'db-old')
    t.equal(await subject.read(back), 'old')
    t.equal(await subject.read(fresh), 'new')
  })

  withSubject('several trashed volumes of one name are kept apart', async (t, subject) => {
    const trashed = []
    for (const text of ['one', 'two', 'three'])
      trashed.push(await subject.retire(await subject.make('db', text), 'trashed'))
    await subject.remove(trashed[1] ?? (await subject.make('never')))
    t.equal(await subject.read(await subject.revive(trashed[0]!, 'first')), 'one')
    t.equal(await subject.read(await subject.revive(trashed[2]!, 'third')), 'three')
  })

  withSubject(
    'remove destroys a trashed volume, again without an error, and tells how far it is',
    async (t, subject) => {
      const other = await subject.make('other', 'kept')
      const trashed = await subject.retire(await subject.make('db', 'old'), 'trashed')
      const reports: number[] = []
      const call = { ...subject.call(trashed), onProgress: (removed: number) => void reports.push(removed) }
      await subject.driver.remove(trashed, call)
      subject.restart()
      await subject.remove(trashed)
      t.ok(reports.every(Number.isInteger))
      t.same(await subject.listed(), ['other live'])
      t.equal(await subject.read(other), 'kept')
      await t.rejects(subject.revive(trashed, 'db'), { code: 'not-found' })
    },
  )

  withSubject('remove destroys a volume that was not retired, again without an error', async (t, subject) => {
    const volume = await subject.make('db', 'old')
    await subject.remove(volume)
    await subject.remove(volume)
    t.same(await subject.listed(), [])
    t.equal(await subject.read(await subject.make('db')), undefined)
  })

  withSubject('nothing happens to a volume of the same name with another id', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    const other = { ...volume, id: newId() }
    await t.rejects(subject.retire(other, 'trashed'), { code: 'not-found' })
    await t.rejects(subject.retire(other, 'forgotten'), { code: 'not-found' })
    await t.rejects(subject.revive(other, 'db'), { code: /not-found|already-exists/ })
    await subject.remove(other)
    t.same(await subject.listed(), ['db live'])
    t.equal(await subject.read(volume), 'kept')
  })
}
