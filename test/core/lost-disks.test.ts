import t from 'tap'
import { named, World } from '../fakes/world.js'

/** A volume that is mounted, and what was told of lost disks. */
async function started() {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.startContainer('db', 'c1')
  const [device = ''] = world.kernel.devices
  const told = async () => {
    await world.settle()
    return world.database.events.all.map(({ type }) => type).filter((type) => /lost|found/.test(type))
  }
  return { world, device, told }
}

t.test('EB36 a disk that goes from under a mount is told once, and so is its return', async (t) => {
  const { world, device, told } = await started()
  await world.core.lostDisks.run()
  t.same(await told(), [], 'all is well')
  world.kernel.loseDevice(device)
  await world.core.lostDisks.run()
  await world.core.lostDisks.run()
  t.same(await told(), ['volume.lost'])
  t.match(world.database.events.all.at(-1), { volume: 'db', driver: 'filesystem', mountpoint: '/mounts/db/_data' })
  await world.mount('db', 'c2')
  await world.core.lostDisks.run()
  await world.core.lostDisks.run()
  t.same(await told(), ['volume.lost', 'volume.found'])
})

t.test('EB36 what was told of a lost disk is not told again by the next daemon', async (t) => {
  const { world, device, told } = await started()
  world.kernel.loseDevice(device)
  await world.core.lostDisks.run()
  await world.settle()
  await world.restart()
  await world.core.lostDisks.run()
  t.same(await told(), ['volume.lost'])
})

t.test('EB36 a mount of a volume whose disk went is a mount of its disk, not of what is left', async (t) => {
  const { world, device } = await started()
  const lost = world.kernel.findMounted('/mounts/db')
  world.kernel.loseDevice(device)
  await world.mount('db', 'c2')
  const found = world.kernel.findMounted('/mounts/db')
  t.not(found?.device, lost?.device)
  t.ok(world.kernel.isDiskThere(found?.device ?? ''))
  t.same(world.kernel.violations, [])
})

t.test('EB36 what is left is unmounted once nobody holds it, and the volume is ready', async (t) => {
  const { world, device } = await started()
  world.kernel.loseDevice(device)
  await world.unmount('db', 'c1')
  t.ok(world.kernel.findMounted('/mounts/db'), 'its container still has it')
  world.kernel.exit('c1')
  await world.reconcile()
  t.notOk(world.kernel.findMounted('/mounts/db'))
  t.equal(world.state('db'), 'ready')
  t.same(world.kernel.violations, [])
})

t.test('a volume that goes takes what was told of its disk with it', async (t) => {
  const { world, device, told } = await started()
  world.kernel.loseDevice(device)
  await world.core.lostDisks.run()
  await world.stopContainer('db', 'c1')
  await world.core.removal.delete(named('db'), world.call())
  await world.core.lostDisks.run()
  t.equal(world.ledger.setting('alerts'), '{}')
  t.same(await told(), ['volume.lost'])
})

t.test('volumes without disks of their own are not asked about', async (t) => {
  const world = await World.start()
  await world.create('db', 'directory')
  await world.startContainer('db', 'c1')
  await world.core.lostDisks.run()
  await world.settle()
  t.notOk(world.database.events.all.some(({ type }) => type === 'volume.lost'))
})
