import assert from 'node:assert/strict'
import { ConvoyError } from '../../src/errors.js'
import type { VolumeHandle } from '../../src/model/volume.js'
import { type Fault, moments } from '../fakes/fault-injector.js'
import type { WithSubject } from './driver.js'
import { requestFor, type Subject } from './driver-world.js'

/** A call of one method, in a place where it makes sense. */
interface FaultyCall<Given> {
  readonly method: string
  /** Some storages have nothing to do here. */
  readonly mayBeNothing?: boolean
  prepare(subject: Subject): Promise<Given>
  act(subject: Subject, given: Given): Promise<unknown>
  /** Throws unless the call has done its work. */
  verify(subject: Subject, given: Given, result: unknown): Promise<void>
  /** Throws unless the inverse of a call that was cut short leaves what was there before. */
  undo?(subject: Subject, given: Given): Promise<void>
}

const mostSteps = 80

/** Every method, failed and killed before and after each of its steps: the same call again succeeds, and so does its inverse. */
export function driverFaultConformance(withSubject: WithSubject): void {
  const check = <Given>(call: FaultyCall<Given>) => {
    withSubject(`${call.method} that fails or is killed at any step can be repeated`, async (t, subject) => {
      const count = await sweep(subject, call, (at, given) => repeat(subject, call, at, given))
      t.ok(count >= (call.mayBeNothing === true ? 0 : 2), `${count} faults`)
    })
    if (call.undo === undefined) return
    withSubject(`${call.method} that fails or is killed at any step can be undone`, async (t, subject) => {
      const count = await sweep(subject, call, async (_at, given) => call.undo?.(subject, given))
      t.ok(count >= 2, `${count} faults`)
    })
  }
  check(create)
  check(attach)
  check(detach)
  check(forget)
  check(trash)
  check(reviveForgotten)
  check(reviveTrashed)
  check(remove)
  check(adopt)
}

async function repeat<Given>(subject: Subject, call: FaultyCall<Given>, at: string, given: Given): Promise<void> {
  const result = await call.act(subject, given).catch((thrown: unknown) => {
    throw new Error(`the same call again failed after ${at}`, { cause: thrown })
  })
  await call.verify(subject, given, result)
}

async function sweep<Given>(
  subject: Subject,
  call: FaultyCall<Given>,
  afterwards: (at: string, given: Given) => Promise<void>,
): Promise<number> {
  const bystander = await subject.make('bystander', 'untouched')
  let count = 0
  for (const how of ['fail', 'crash'] as const) {
    for (const when of moments) {
      for (let step = 0; ; step++) {
        assert.ok(step < mostSteps, 'the call has no end')
        const given = await call.prepare(subject)
        const at = await strike(subject, () => call.act(subject, given), { step, when, how })
        if (at !== undefined) count++
        await afterwards(at ?? 'no fault', given)
        await cleanUp(subject)
        assert.equal(await subject.read(bystander), 'untouched')
        if (at === undefined) break
      }
    }
  }
  return count
}

/** Resolves to the step that the fault struck, if there is one, with the driver alive again. */
async function strike(subject: Subject, act: () => Promise<unknown>, fault: Fault): Promise<string | undefined> {
  const { faults } = subject
  faults.arm(fault)
  const acting = act().catch((thrown: unknown) => {
    if (!(thrown instanceof ConvoyError)) throw new Error('it threw something else', { cause: thrown })
  })
  await Promise.race([acting, faults.death])
  faults.disarm()
  const { struckAt } = faults
  if (faults.isDead) subject.restart()
  return struckAt === undefined ? undefined : `${fault.how} ${fault.when} ${struckAt}`
}

/** Nothing but the bystander is left, and all that was found could be removed. */
async function cleanUp(subject: Subject): Promise<void> {
  for (const { handle } of await subject.discover()) if (handle.name !== 'bystander') await subject.remove(handle)
  assert.deepEqual(await subject.listed(), ['bystander live'])
}

const create: FaultyCall<ReturnType<typeof requestFor>> = {
  method: 'create',
  prepare: async () => requestFor('db', { options: { size: '10m' } }),
  act: (subject, request) => subject.create(request),
  verify: async (subject, request, result) => {
    assert.deepEqual(await subject.create(request), result)
    assert.deepEqual(await subject.listed(), ['bystander live', 'db live'])
    const [volume] = (await subject.discover()).filter(({ handle }) => handle.id === request.id)
    assert.ok(volume)
    assert.equal(await subject.read(volume.handle), undefined)
  },
  undo: async (subject, { name, id }) => {
    await undoneCreate(subject, { name, id, attributes: {} })
    assert.deepEqual(await subject.listed(), ['bystander live'])
    assert.equal(await subject.read(await subject.make('db')), undefined)
  },
}

/** As core does: to the trash, and from there away. */
async function undoneCreate(subject: Subject, volume: VolumeHandle): Promise<void> {
  const retired = await subject.retire(volume, 'trashed').catch((thrown: unknown) => {
    if (thrown instanceof ConvoyError && thrown.code === 'not-found') return undefined
    throw thrown
  })
  if (retired !== undefined) await subject.remove(retired)
}

const attach: FaultyCall<VolumeHandle> = {
  method: 'the first attach',
  prepare: (subject) => subject.make('db'),
  act: (subject, volume) => subject.attach(volume),
  verify: async (subject, volume) => {
    await subject.detach(volume)
    await subject.write(volume, 'kept')
    assert.equal(await subject.read(volume), 'kept')
  },
  undo: async (subject, volume) => {
    await subject.detach(volume)
    await subject.write(volume, 'kept')
    assert.equal(await subject.read(volume), 'kept')
  },
}

const detach: FaultyCall<VolumeHandle> = {
  method: 'detach',
  mayBeNothing: true,
  prepare: async (subject) => {
    const volume = await subject.make('db', 'kept')
    await subject.attach(volume)
    return volume
  },
  act: (subject, volume) => subject.detach(volume),
  verify: async (subject, volume) => assert.equal(await subject.read(volume), 'kept'),
}

const forget: FaultyCall<VolumeHandle> = {
  method: 'forgetting',
  prepare: (subject) => subject.make('db', 'kept'),
  act: (subject, volume) => subject.retire(volume, 'forgotten'),
  verify: async (subject) => assert.deepEqual(await subject.listed(), ['bystander live', 'db forgotten']),
  undo: async (subject, volume) => assert.equal(await subject.read(await subject.revive(volume, 'db')), 'kept'),
}

const trash: FaultyCall<VolumeHandle> = {
  method: 'trashing',
  prepare: (subject) => subject.make('db', 'kept'),
  act: (subject, volume) => subject.retire(volume, 'trashed'),
  verify: async (subject, volume) => {
    assert.deepEqual(await subject.listed(), ['bystander live', 'db trashed'])
    assert.equal(await subject.read(await subject.make('db')), undefined)
    assert.equal(await subject.read(await subject.revive(volume, 'db-old')), 'kept')
  },
  undo: async (subject, volume) => {
    assert.equal(await subject.read(await subject.revive(volume, 'db')), 'kept')
    assert.deepEqual(await subject.listed(), ['bystander live', 'db live'])
  },
}

const reviveForgotten: FaultyCall<VolumeHandle> = {
  method: 'reviving a forgotten volume',
  prepare: async (subject) => subject.retire(await subject.make('db', 'kept'), 'forgotten'),
  act: (subject, volume) => subject.revive(volume, 'db'),
  verify: async (subject, volume) => {
    assert.deepEqual(await subject.listed(), ['bystander live', 'db live'])
    assert.equal(await subject.read(volume), 'kept')
  },
  undo: async (subject, volume) => {
    await subject.retire(volume, 'forgotten')
    assert.deepEqual(await subject.listed(), ['bystander live', 'db forgotten'])
  },
}

const reviveTrashed: FaultyCall<VolumeHandle> = {
  method: 'reviving a trashed volume under another name',
  prepare: async (subject) => subject.retire(await subject.make('db', 'kept'), 'trashed'),
  act: (subject, volume) => subject.revive(volume, 'db-old'),
  verify: async (subject, _volume, result) => {
    assert.deepEqual(await subject.listed(), ['bystander live', 'db-old live'])
    // It is what revive returned.
    assert.equal(await subject.read(result as VolumeHandle), 'kept')
  },
  undo: async (subject, volume) => {
    const trashed = await subject.retire({ ...volume, name: requestFor('db-old').name }, 'trashed')
    assert.equal((await subject.listed()).length, 2)
    assert.equal(await subject.read(await subject.revive(trashed, 'db')), 'kept')
  },
}

const remove: FaultyCall<VolumeHandle> = {
  method: 'remove',
  prepare: async (subject) => subject.retire(await subject.make('db', 'old'), 'trashed'),
  act: (subject, volume) => subject.remove(volume),
  verify: async (subject) => assert.deepEqual(await subject.listed(), ['bystander live']),
}

const adopt: FaultyCall<ReturnType<typeof requestFor>> = {
  method: 'adoption',
  prepare: async (subject) => requestFor('db', { options: await subject.storage.plant('was here before') }),
  act: (subject, request) => subject.create(request),
  verify: async (subject) => {
    assert.match((await subject.listed()).join(), /db live/)
    assert.equal(await subject.storage.readPlanted(), 'was here before')
  },
  undo: async (subject, { name, id }) => {
    await undoneCreate(subject, { name, id, attributes: {} })
    assert.deepEqual(await subject.listed(), ['bystander live'])
    assert.equal(await subject.storage.readPlanted(), 'was here before')
  },
}
