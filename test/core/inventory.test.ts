import t, { type Test } from 'tap'
import type { Driver, StoredDisk } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import { World } from '../fakes/world.js'

/** A world with `db` on a disk; what the storage says of its disks is up to the test. */
async function start(t: Test, survey: () => Promise<readonly StoredDisk[]>) {
  const world = await World.start()
  world.decorate = (driver): Driver => (driver.name === 'filesystem' ? Object.assign(driver, { survey }) : driver)
  await world.restart()
  const { id, name } = await world.create('db', 'filesystem')
  t.teardown(() => world.begin())
  const take = () => world.core.inventory.take(world.call())
  const disk = (parts: Partial<StoredDisk> = {}): StoredDisk => ({
    ...{ id, name, storageId: 'vol-1', state: 'live', sizeBytes: 1, isOfThisHost: true, isAttachedHere: false },
    ...parts,
  })
  return { world, take, disk }
}

t.test(
  'EB08 a disk is known by its id: from the volumes, the trash, or because another host answers for it',
  async (t) => {
    const disks: StoredDisk[] = []
    const { world, take, disk } = await start(t, async () => disks)
    disks.push(disk(), disk({ id: 'other' }), disk({ id: 'theirs', isOfThisHost: false }))
    const told = async () => (await take()).disks.map(({ isKnown, isNameTaken }) => ({ isKnown, isNameTaken }))
    t.same(await told(), [
      { isKnown: true, isNameTaken: false },
      { isKnown: false, isNameTaken: true },
      { isKnown: true, isNameTaken: true },
    ])
    await world.core.removal.delete(disks[0]!.name, world.call())
    t.same((await told())[0], { isKnown: true, isNameTaken: false }, 'it is in the trash')
    t.same((await told())[1], { isKnown: false, isNameTaken: false })
    t.same((await take()).disks[0]?.driver, 'filesystem')
  },
)

t.test('EB27 a disk is idle when it is attached here and nobody has it mounted', async (t) => {
  const disks: StoredDisk[] = []
  const { world, take, disk } = await start(t, async () => disks)
  const isIdle = async () => (await take()).disks.map((one) => one.isIdle)
  disks.push(disk())
  t.same(await isIdle(), [false], 'it is not attached')
  disks[0] = disk({ isAttachedHere: true })
  t.same(await isIdle(), [true])
  await world.mount('db', 'c1')
  t.same(await isIdle(), [false])
  await world.unmount('db', 'c1')
  t.same(await isIdle(), [true])
  const row = world.ledger.volumes.get(disks[0].name)
  if (row !== undefined) await world.ledger.commit('discover', { put: 'volume', row: { ...row, state: 'attaching' } })
  t.same(await isIdle(), [false], 'a mount is on its way')
  disks[0] = disk({ isAttachedHere: true, id: 'unknown' })
  t.same(await isIdle(), [true])
})

t.test('S44 a storage that does not say is told of, and hides no other', async (t) => {
  const refusal = new ConvoyError('invalid-argument', 'refused', { hint: 'allow ec2:DescribeVolumes' })
  const { take } = await start(t, () => Promise.reject(refusal))
  t.same(await take(), {
    disks: [],
    failures: [{ driver: 'filesystem', error: 'refused (allow ec2:DescribeVolumes)' }],
  })
})
