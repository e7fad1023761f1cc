import t from 'tap'
import type { Driver } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import { mountId, named, World } from '../fakes/world.js'

/** A driver whose attach fails with these errors, one a call, before it does what it always does. */
function failing(world: World, errors: ConvoyError[], onAttach: () => void = () => undefined): void {
  world.decorate = (driver: Driver) =>
    new Proxy(driver, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        const method = value.bind(target) as (...args: unknown[]) => unknown
        if (property !== 'attach') return method
        return async (...args: unknown[]) => {
          const error = errors.shift()
          onAttach()
          if (error !== undefined) throw error
          return method(...args)
        }
      },
    })
  world.begin()
}

async function started(kind: 'directory' | 'filesystem'): Promise<World> {
  const world = await World.start()
  await world.create('db', kind)
  await world.write('db', 'kept')
  return world
}

t.test('a storage that does not answer for a moment is waited for within the mount', async (t) => {
  const world = await started('filesystem')
  failing(world, [new ConvoyError('unavailable', 'not yet')])
  await world.recover()
  t.equal(await world.mount('db', 'c1'), '/mounts/db/_data')
  t.ok(world.log.has('waiting for it'))
})

t.test('DK15 a mount that its caller gave up ends, says why, and leaves nothing behind', async (t) => {
  const world = await started('filesystem')
  const caller = new AbortController()
  const never = Array.from({ length: 100 }, () => new ConvoyError('unavailable', 'the share does not answer'))
  const late = new ConvoyError('deadline-exceeded', 'no result within 100 s')
  failing(world, never, () => setImmediate(() => caller.abort(late)))
  await world.recover()
  const mounting = world.core.mounts.mount(named('db'), mountId('c1'), world.call(caller.signal))
  await t.rejects(mounting, { code: 'deadline-exceeded', message: /"db".*: the share does not answer$/ })
  await world.settle()
  t.equal(world.count('db', 'c1'), 0)
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.devices, [])
})

t.test('DK15 a caller that goes while the storage attaches leaves nothing behind', async (t) => {
  const world = await started('filesystem')
  const caller = new AbortController()
  failing(world, [], () => caller.abort(new ConvoyError('deadline-exceeded', 'the client hung up')))
  await world.recover()
  await t.rejects(world.core.mounts.mount(named('db'), mountId('c1'), world.call(caller.signal)), {
    code: 'deadline-exceeded',
  })
  await world.settle()
  t.equal(world.count('db', 'c1'), 0)
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.devices, [])
  t.equal(world.kernel.hostMounts.length, 1)
})

t.test('DK15 a caller that goes while the file system is mounted leaves nothing behind', async (t) => {
  const world = await started('filesystem')
  const caller = new AbortController()
  const mount = world.kernel.mount.bind(world.kernel)
  world.kernel.mount = (...args) => {
    mount(...args)
    caller.abort(new ConvoyError('deadline-exceeded', 'the client hung up'))
  }
  const mounting = world.core.mounts.mount(named('db'), mountId('c1'), world.call(caller.signal))
  await t.rejects(mounting, { code: 'deadline-exceeded' })
  await world.settle()
  t.equal(world.count('db', 'c1'), 0)
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.devices, [])
})

t.test('what cannot pass by waiting fails at once', async (t) => {
  const world = await started('directory')
  let attempts = 0
  failing(world, [new ConvoyError('not-found', 'the directory is missing')], () => attempts++)
  await world.recover()
  await t.rejects(world.mount('db', 'c1'), { code: 'not-found', message: /missing/ })
  t.equal(attempts, 1)
  t.equal(await world.mount('db', 'c1'), '/directories/db')
})

t.test('DB05 a mount that cannot be saved is refused and undone', async (t) => {
  const world = await started('filesystem')
  world.database.isFull = true
  await t.rejects(world.mount('db', 'c1'), { code: 'unavailable' })
  world.database.isFull = false
  await world.reconcile()
  t.same(world.kernel.devices, [])
  t.equal(await world.mount('db', 'c1'), '/mounts/db/_data')
})

t.test('a failed mount does not unmount what a container of a lost ledger uses', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  world.database.wipe()
  await world.restart()
  t.equal(world.state('db'), 'ready', 'found on the storage; who uses it is not known')
  const fault = { step: 'mount /mounts', when: 'after', how: 'fail' } as const
  const { error } = await world.attempt(() => world.mount('db', 'c2'), fault)
  t.match(error?.message, /injected/)
  await world.reconcile()
  t.same(world.kernel.violations, [])
  t.ok(world.kernel.findMounted('/mounts/db'))
  t.equal(await world.mount('db', 'c2'), '/mounts/db/_data')
})

t.test('a file system that went out of sight only lazily is not detached', async (t) => {
  const world = await started('filesystem')
  await world.mount('db', 'c1')
  world.kernel.isLazy = true
  await world.unmount('db', 'c1')
  t.equal(world.kernel.devices.length, 1, 'what is written may still be on its way to the device')
  world.kernel.isLazy = false
  t.equal(await world.mount('db', 'c1'), '/mounts/db/_data')
  await world.unmount('db', 'c1')
  t.same(world.kernel.devices, [])
})
