import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { mountId, named, World } from '../fakes/world.js'

async function started(kind: 'directory' | 'filesystem'): Promise<World> {
  const world = await World.start()
  await world.create('db', kind)
  await world.write('db', 'kept')
  return world
}

t.test('a mount of a directory answers with that directory; a mount of a file system with what is on it', async (t) => {
  const world = await started('directory')
  t.equal(await world.mount('db', 'c1'), '/directories/db')
  t.match(world.core.volumes.get(named('db')), { state: 'attached', mountpoint: '/directories/db' })
  const other = await started('filesystem')
  t.equal(await other.mount('db', 'c1'), '/mounts/db/_data')
  t.equal(other.kernel.findMounted('/mounts/db')?.source.startsWith('/dev/fake/disk-'), true)
})

t.test('DK04 a mount id that Docker repeats counts again, with one mount and one path', async (t) => {
  const world = await started('filesystem')
  const path = await world.mount('db', 'c1')
  t.equal(await world.mount('db', 'c1'), path)
  t.equal(world.count('db', 'c1'), 2)
  t.equal(world.kernel.hostMounts.length, 2, 'the root and ours')
  await world.unmount('db', 'c1')
  t.equal(world.state('db'), 'attached')
  await world.unmount('db', 'c1')
  t.equal(world.state('db'), 'ready')
  t.equal(world.kernel.hostMounts.length, 1)
  t.same(world.kernel.devices, [])
})

t.test('DK01 docker cp on a running container, which has the same mount id, leaves the volume mounted', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  for (const act of ['mount', 'mount', 'unmount', 'unmount'] as const) await world[act]('db', 'c1')
  t.equal(world.count('db', 'c1'), 1)
  t.equal(world.state('db'), 'attached')
  t.ok(world.kernel.findMounted('/mounts/db'))
  await world.stopContainer('db', 'c1')
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test('DK02 compat: with two containers on a volume, the end of one leaves it to the other', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  await world.startContainer('db', 'c2')
  await world.stopContainer('db', 'c1')
  t.equal(world.state('db'), 'attached')
  await t.rejects(world.core.removal.delete(named('db'), world.call()), { code: 'in-use' })
  t.equal(world.pieceAt('/mounts/db/_data').text, 'kept')
  await world.stopContainer('db', 'c2')
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test('DK03 an unmount of an unknown id or an unknown volume succeeds and changes nothing', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  const { revision } = world.ledger
  await world.unmount('db', 'unknown')
  await world.unmount('unknown', 'c1')
  t.equal(world.ledger.revision, revision)
  t.ok(world.kernel.findMounted('/mounts/db'))
  await world.stopContainer('db', 'c1')
  await world.unmount('db', 'c1')
  t.equal(world.state('db'), 'ready')
})

t.test(
  'DK05 the last unmount does not unmount what another namespace still holds; reconciliation does it later',
  async (t) => {
    const world = await started('filesystem')
    await world.startContainer('db', 'c1')
    world.faults.arm()
    await world.unmount('db', 'c1')
    t.equal(world.count('db', 'c1'), 0)
    t.notOk(world.faults.steps.includes('commit unmount-intent'), 'it was not even begun')
    t.ok(world.kernel.findMounted('/mounts/db'))
    await world.reconcile()
    t.ok(world.kernel.findMounted('/mounts/db'), 'it is still held')
    world.kernel.exit('c1')
    await world.reconcile()
    t.notOk(world.kernel.findMounted('/mounts/db'))
    t.equal(world.state('db'), 'ready')
    t.same(world.kernel.violations, [])
  },
)

t.test('what cannot be found out counts as held: nothing is unmounted', async (t) => {
  const world = await started('filesystem')
  await world.mount('db', 'c1')
  world.kernel.holders.failure = new ConvoyError('unavailable', '/proc is not readable')
  await t.rejects(world.unmount('db', 'c1'), { code: 'unavailable' })
  t.ok(world.kernel.findMounted('/mounts/db'))
  world.kernel.holders.failure = undefined
  await world.reconcile()
  t.notOk(world.kernel.findMounted('/mounts/db'))
})

t.test(
  'a file system that a process of the host uses stays mounted, and the volume can be mounted again',
  async (t) => {
    const world = await started('filesystem')
    await world.mount('db', 'c1')
    world.kernel.busy.add('/mounts/db')
    await world.unmount('db', 'c1')
    t.match(world.core.volumes.get(named('db')), { state: 'attached', mountpoint: '/mounts/db/_data' })
    t.equal(await world.mount('db', 'c2'), '/mounts/db/_data')
    world.kernel.busy.clear()
    await world.unmount('db', 'c2')
    t.equal(world.state('db'), 'ready')
  },
)

t.test(
  'DK07 after an engine crash a mount with the old id replaces the old count, and one unmount ends it',
  async (t) => {
    const world = await started('filesystem')
    await world.startContainer('db', 'c1')
    await world.mount('db', 'c1')
    t.equal(world.count('db', 'c1'), 2)
    world.kernel.exit('c1')
    world.core.reconciliation.beginEpoch()
    await world.startContainer('db', 'c1')
    t.equal(world.count('db', 'c1'), 1)
    await world.stopContainer('db', 'c1')
    t.equal(world.count('db', 'c1'), 0)
    t.equal(world.state('db'), 'ready')
  },
)

t.test('DK06 an unmount of an id from an earlier engine life clears its whole count', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  await world.mount('db', 'c1')
  world.core.reconciliation.beginEpoch()
  await world.stopContainer('db', 'c1')
  t.equal(world.count('db', 'c1'), 0)
  t.equal(world.state('db'), 'ready')
})

t.test('DK11 a new daemon goes on where the old one was, and unmounts nothing', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  await world.restart()
  t.equal(world.count('db', 'c1'), 1)
  t.equal(world.core.volumes.get(named('db')).mountpoint, '/mounts/db/_data')
  t.ok(world.kernel.findMounted('/mounts/db'))
  await world.stopContainer('db', 'c1')
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test('a volume that somebody unmounted by hand is mounted again by the next mount', async (t) => {
  const world = await started('filesystem')
  await world.mount('db', 'c1')
  world.kernel.unmount('/mounts/db')
  t.equal(await world.mount('db', 'c2'), '/mounts/db/_data')
  t.ok(world.kernel.findMounted('/mounts/db'))
})

t.test('compat: the mount of vol1 is its own while vol10 is mounted', async (t) => {
  const world = await World.start()
  for (const name of ['vol1', 'vol10', 'vol']) await world.create(name, 'filesystem')
  world.pieceAt(await world.mount('vol10', 'c1')).text = 'ten'
  world.pieceAt(await world.mount('vol1', 'c1')).text = 'one'
  world.pieceAt(await world.mount('vol', 'c1')).text = 'none'
  t.equal(world.pieceAt('/mounts/vol10/_data').text, 'ten')
  t.equal(world.pieceAt('/mounts/vol1/_data').text, 'one')
  await world.unmount('vol1', 'c1')
  t.ok(world.kernel.findMounted('/mounts/vol10'))
})

t.test('a mount of a volume that is forgotten, unknown or being removed is refused', async (t) => {
  const world = await started('directory')
  await t.rejects(world.mount('unknown', 'c1'), { code: 'not-found' })
  await world.core.removal.forget(named('db'), world.call())
  await t.rejects(world.mount('db', 'c1'), { code: 'not-found' })
})

t.test(
  'DB05 compat: a full disk keeps nothing mounted: an unmount works, and is saved once there is space',
  async (t) => {
    const world = await started('filesystem')
    await world.startContainer('db', 'c1')
    world.database.isFull = true
    world.kernel.exit('c1')
    await world.unmount('db', 'c1')
    t.equal(world.count('db', 'c1'), 0)
    t.equal(world.database.contents().mounts.length, 1)
    world.database.isFull = false
    await world.reconcile()
    await world.settle()
    t.equal(world.database.contents().mounts.length, 0)
    t.equal(world.state('db'), 'ready')
  },
)

t.test(
  'EB17 an unmount is answered although the storage does not let go, and the detach is carried on later',
  async (t) => {
    const world = await started('filesystem')
    await world.startContainer('db', 'c1')
    world.kernel.exit('c1')
    const { error } = await world.attempt(() => world.unmount('db', 'c1'), {
      step: 'detach',
      when: 'before',
      how: 'fail',
    })
    t.equal(error, undefined)
    t.equal(world.count('db', 'c1'), 0)
    t.equal(world.state('db'), 'detaching')
    t.notOk(world.kernel.findMounted('/mounts/db'))
    await world.reconcile()
    t.equal(world.state('db'), 'ready')
    t.same(world.kernel.devices, [])
  },
)

t.test('EB17 a detach that the storage did not answer survives a crash', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  world.kernel.exit('c1')
  await world.attempt(() => world.unmount('db', 'c1'), { step: 'detach', when: 'before', how: 'fail' })
  await world.restart()
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.devices, [])
})

t.test('EB17 a mount of a volume that is still being detached ends the detach and mounts it', async (t) => {
  const world = await started('filesystem')
  await world.startContainer('db', 'c1')
  world.kernel.exit('c1')
  await world.attempt(() => world.unmount('db', 'c1'), { step: 'detach', when: 'before', how: 'fail' })
  t.equal(await world.mount('db', 'c2'), '/mounts/db/_data')
  t.equal(world.state('db'), 'attached')
})

t.test('EB17 a mount waits for a storage that does not answer the detach before it', async (t) => {
  const world = World.unstarted()
  let isAway = false
  world.decorate = (driver) => {
    const detach = driver.detach.bind(driver)
    driver.detach = async (...given) => {
      if (isAway) {
        isAway = false
        throw new ConvoyError('unavailable', 'it does not answer')
      }
      await detach(...given)
    }
    return driver
  }
  await world.restart()
  await world.create('db', 'filesystem')
  await world.mount('db', 'c1')
  isAway = true
  await world.unmount('db', 'c1')
  isAway = true
  t.equal(await world.mount('db', 'c2'), '/mounts/db/_data')
})

t.test('an unmount that fails before anything was unmounted is told to Docker', async (t) => {
  const world = await started('filesystem')
  await world.mount('db', 'c1')
  world.kernel.holders.failure = new ConvoyError('unavailable', 'the kernel does not say')
  await t.rejects(world.unmount('db', 'c1'), { message: /the kernel does not say/ })
  t.equal(world.state('db'), 'attached')
})

t.test('EB17 an unmount gives the storage a time of its own to let go, a mount all the time it has', async (t) => {
  const world = World.unstarted()
  const signals: AbortSignal[] = []
  world.decorate = (driver) => {
    const detach = driver.detach.bind(driver)
    driver.detach = (volume, call) => {
      signals.push(call.signal)
      return signals.length === 1 ? Promise.reject(new ConvoyError('internal', 'not now')) : detach(volume, call)
    }
    return driver
  }
  await world.restart()
  await world.create('db', 'filesystem')
  await world.mount('db', 'c1')
  const [unmounting, mounting] = [world.call(), world.call()]
  await world.core.mounts.unmount(named('db'), mountId('c1'), unmounting)
  await world.core.mounts.mount(named('db'), mountId('c2'), mounting)
  t.equal(signals.includes(unmounting.signal), false)
  t.equal(signals[1], mounting.signal)
})
