import { ConvoyError } from '../../src/errors.js'
import type { WithSubject } from './driver.js'
import { named, requestFor } from './driver-world.js'

/** Data that is not ours, other processes, other calls. */
export function othersConformance(withSubject: WithSubject): void {
  adoption(withSubject)
  others(withSubject)
}

function adoption(withSubject: WithSubject): void {
  withSubject(
    'data that was there before us is taken over as it is, and outlives every removal',
    async (t, subject) => {
      const options = await subject.storage.plant('was here before')
      const request = requestFor('db', { options })
      const { handle, origin } = await subject.create(request)
      t.equal(origin, 'adopted')
      t.same(await subject.create(request), { handle, origin })
      t.equal(await subject.read(handle), 'was here before')
      const trashed = await subject.retire(handle, 'trashed')
      await subject.remove(trashed)
      await subject.remove(handle)
      t.same(await subject.listed(), [])
      t.equal(await subject.storage.readPlanted(), 'was here before')
      const again = await subject.create(requestFor('db', { options }))
      t.equal(again.origin, 'adopted')
      t.equal(await subject.read(again.handle), 'was here before')
    },
  )

  withSubject('an adopted volume can be forgotten and comes back', async (t, subject) => {
    const options = await subject.storage.plant('was here before')
    const { handle } = await subject.create(requestFor('db', { options }))
    const back = await subject.revive(await subject.retire(handle, 'forgotten'), 'db')
    t.equal(await subject.read(back), 'was here before')
    t.match(await subject.discover(), [{ state: 'live', origin: 'adopted' }])
  })

  withSubject('data of one volume is not taken over by another, and missing data by none', async (t, subject) => {
    const options = await subject.storage.plant('was here before')
    const { handle } = await subject.create(requestFor('db', { options }))
    await t.rejects(subject.create(requestFor('other', { options })), { code: 'already-exists' })
    await t.rejects(subject.create(requestFor('other', { options: subject.storage.missing ?? { id: 'nowhere' } })), {
      code: 'not-found',
    })
    t.same(await subject.listed(), ['db live'])
    t.equal(await subject.read(handle), 'was here before')
  })
}

function others(withSubject: WithSubject): void {
  withSubject(
    'discover finds in a new process what an old one made, with all that is known of it',
    async (t, subject) => {
      const options = { size: '10m', profile: 'gold' }
      const live = await subject.create(requestFor('live', { options, onRemove: 'delete' }))
      await subject.retire(await subject.make('forgotten'), 'forgotten')
      await subject.retire(await subject.make('trashed'), 'trashed')
      subject.restart()
      t.same(await subject.listed(), ['forgotten forgotten', 'live live', 'trashed trashed'])
      const found = await subject.discover()
      t.match(
        found.find(({ state }) => state === 'live'),
        { ...live, options, onRemove: 'delete', createdAt: '2026-01-01T00:00:00.000Z' },
      )
      for (const { state, retiredAt } of found) t.type(retiredAt, state === 'live' ? 'undefined' : 'string')
      for (const { handle, state } of found.filter((one) => one.state !== 'live')) {
        t.ok(await subject.revive(handle, handle.name), `what was found ${state} comes back`)
      }
      t.same(await subject.listed(), ['forgotten live', 'live live', 'trashed live'])
    },
  )

  withSubject('the handle in the ledger may be older than what the storage knows', async (t, subject) => {
    const volume = await subject.make('db', 'kept')
    await subject.retire(volume, 'trashed')
    const back = await subject.revive(volume, 'db')
    t.equal(await subject.read(back), 'kept')
    await subject.retire(volume, 'trashed')
    await subject.retire(volume, 'trashed')
    t.same(await subject.listed(), ['db trashed'])
  })

  withSubject('calls for different volumes may overlap', async (t, subject) => {
    const names = Array.from({ length: 20 }, (_, number) => `v${number}`)
    const handles = await Promise.all(names.map((name) => subject.make(name, name)))
    const every = (count: number) => handles.filter((_, index) => index % count === 0)
    await Promise.all(every(2).map((handle) => subject.retire(handle, 'trashed')))
    await Promise.all(every(4).map((handle) => subject.remove(handle)))
    const states = (await subject.listed()).map((line) => line.split(' ')[1])
    t.equal(states.filter((state) => state === 'live').length, 10)
    t.equal(states.filter((state) => state === 'trashed').length, 5)
    t.equal(await subject.read(handles[1]!), 'v1')
  })

  withSubject('a call whose caller has gone ends, and the same call again does it all', async (t, subject) => {
    const request = requestFor('db')
    const gone = subject.journals.call(request, AbortSignal.abort())
    const volume = { name: named('db'), id: request.id, attributes: {} }
    const ends = async (call: Promise<unknown>) => {
      const error = await call.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      t.ok(error === undefined || error instanceof ConvoyError, 'in its own words')
    }
    await ends(subject.driver.create(request, gone))
    const { handle } = await subject.create(request)
    await ends(subject.driver.attach(handle, gone))
    await subject.write(handle, 'kept')
    await ends(subject.driver.detach(handle, gone))
    await ends(subject.driver.retire(handle, 'trashed', gone))
    const trashed = await subject.retire(handle, 'trashed')
    await ends(subject.driver.revive(trashed, volume.name, gone))
    const back = await subject.revive(trashed, 'db')
    t.equal(await subject.read(back), 'kept')
    await ends(subject.driver.remove(back, gone))
    await subject.remove(back)
    t.same(await subject.listed(), [])
  })
}
