import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { losePower, testAdoption, testForce, testTakenOver, type World } from './ebs-holders.js'
import { EbsHost, randomFile } from './ebs-host.js'
import { GuestCloud } from './guest-cloud.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'

const options = guestRequirements(t)
const mebibyte = 1024 * 1024

t.test('volumes of EBS on disks that come and go, between two hosts of a cluster', options, async (t) => {
  const lab = Lab.open(t)
  const cloud = await GuestCloud.open(t, lab)
  // A mount of the other one waits longer than it takes to see a holder off.
  const [one, other] = await Promise.all([
    EbsHost.boot(lab, cloud, 'one'),
    EbsHost.boot(lab, cloud, 'other', '--mount-deadline 75s'),
  ])
  const world = { cloud, one, other }
  await t.test('a volume gets a file system where it is first mounted, and takes its data to the other host', (t) =>
    testMove(t, world),
  )
  // It is refused after a minute, which is time for what does not need this guest.
  const isHeld = one.convoy.cli('create --opt size=1G held').then(() => one.mount('held'))
  const refusal = isHeld.then(() => refuseHeld(world))
  refusal.catch(() => undefined)
  await t.test('EB30 a disk that is not blank, whatever our own notes say, is not formatted', (t) =>
    testBlank(t, world),
  )
  await t.test('EB14 EB15 disks whose names swap are told apart by their serials', (t) => testSwap(t, world))
  await t.test('EB36 a disk that goes from under a mount is reported, and mended by the next mount', (t) =>
    testLost(t, world),
  )
  await t.test('EB20 EB18 a volume that another host uses is not taken, except by force', async (t) =>
    testForce(t, world, { path: await isHeld, refusal: await refusal }),
  )
  // It is taken over half a minute later.
  const loss = await losePower(world)
  await t.test('S13 a disk that holds a database is taken over as it is, and given back as it is', (t) =>
    testAdoption(t, world),
  )
  await t.test('EB19 EB33 the volume of a host that lost its power is taken over, with all that was synced', (t) =>
    testTakenOver(t, world, loss),
  )
})

async function refuseHeld({ other }: World): Promise<string> {
  await other.convoy.cli('create --opt size=1G held')
  return (await other.askAsDocker('Mount', 'held', 'a')).Err ?? ''
}

async function testMove(t: Test, { cloud, one, other }: World): Promise<void> {
  const volumes = {
    pg: '--opt size=1G --opt uid=999 --opt gid=998 --opt mode=2770',
    files: '--opt size=1G --opt fsType=xfs',
  }
  for (const [name, words] of Object.entries(volumes)) {
    await one.convoy.cli(`create ${words} ${name}`)
    const { id } = cloud.volumeNamed(name)
    t.equal(cloud.holderOf(id), undefined, 'nobody has it before somebody needs it')
    const path = await one.mount(name)
    t.equal(cloud.holderOf(id), one.instanceId)
    t.equal(await one.sh(`ls -A ${path}`), '', 'lost+found is not to be seen')
    await one.sh(randomFile(path, 'data'))
    const sums = await one.checksums(path)
    const [owner, mounted] = [await one.sh(ownerOf(path)), await one.sh(`grep ${path.slice(0, -6)} /proc/mounts`)]
    t.match(mounted, new RegExp(`^${await one.deviceOf(id)} \\S+ ${name === 'pg' ? 'ext4' : 'xfs'} rw,nosuid,nodev`))
    t.equal(owner, name === 'pg' ? '999:998 2770' : '0:0 755')
    await one.unmount(name)
    await cloud.untilFree(id)
    t.equal(await one.deviceOf(id), undefined)
    await other.convoy.cli(`create ${words} ${name}`)
    const moved = await other.mount(name)
    t.equal(cloud.volumesNamed(name).length, 1, 'it is the same volume')
    t.equal(cloud.holderOf(id), other.instanceId)
    t.equal(await other.checksums(moved), sums)
    t.equal(await other.sh(ownerOf(moved)), owner)
    await other.unmount(name)
    await cloud.untilFree(id)
  }
}

const ownerOf = (path: string) => `stat -c '%u:%g %a' ${path}`

async function testBlank(t: Test, { cloud, one }: World): Promise<void> {
  await one.convoy.cli('create --opt size=1G doubtful')
  const volume = cloud.volumeNamed('doubtful')
  const file = openSync(cloud.disks.volumeOf(volume).file, 'r+')
  t.teardown(() => closeSync(file))
  const place = 1016 * mebibyte
  writeSync(file, 'x', place)
  t.match(await one.convoy.refusal('mount doubtful'), /data of no known format: nothing is mounted, and nothing was/)
  await cloud.untilFree(volume.id)
  const start = Buffer.alloc(mebibyte, 'not read')
  readSync(file, start, 0, mebibyte, 0)
  t.ok(start.equals(Buffer.alloc(mebibyte)), 'its beginning is as it was')
  const byte = Buffer.alloc(1)
  readSync(file, byte, 0, 1, place)
  t.equal(byte.toString(), 'x')
}

async function testSwap(t: Test, { cloud, one }: World): Promise<void> {
  const names = ['left', 'right'] as const
  const idOf = (name: string) => cloud.volumeNamed(name).id
  const paths = new Map<string, string>()
  for (const name of names) {
    await one.convoy.cli(`create --opt size=1G ${name}`)
    paths.set(name, await one.mount(name))
    await one.sh(`echo ${name} > ${paths.get(name)}/whose`)
  }
  const devices = async () => [await one.deviceOf(idOf('left')), await one.deviceOf(idOf('right'))]
  const [left, right] = await devices()
  await one.unmount('left')
  await cloud.untilFree(idOf('left'))
  await one.unmount('right')
  for (const name of ['right', 'left']) {
    t.equal(await one.mount(name), paths.get(name))
    t.equal(await one.sh(`cat ${paths.get(name)}/whose`), name)
  }
  t.strictSame(await devices(), [right, left])
  for (const name of names) await one.unmount(name)
}

async function testLost(t: Test, { cloud, one }: World): Promise<void> {
  await one.convoy.cli('create --opt size=1G torn')
  const { Mountpoint: path } = await one.askAsDocker('Mount', 'torn', 'a')
  // A container that has it open: the kernel keeps what is left of the disk, and its name.
  await one.sh(`echo kept > ${path}/file && sync && { setsid sleep 100000 < ${path}/file >/dev/null 2>&1 & }`)
  const { id } = cloud.volumeNamed('torn')
  cloud.cloud.detachVolume({ volumeId: id })
  await cloud.untilFree(id)
  await eventually('it is told', async () => (await one.events('volume.lost', 'torn')).length > 0)
  t.strictSame(await one.askAsDocker('Mount', 'torn', 'b'), { Mountpoint: path })
  t.equal(await one.sh(`cat ${path}/file && echo new > ${path}/file && sync && cat ${path}/file`), 'kept\nnew')
  await eventually('it is told', async () => (await one.events('volume.found', 'torn')).length > 0)
  t.equal((await one.events('volume.lost', 'torn')).length, 1, 'once')
  await one.sh('pkill -x sleep')
  for (const container of ['a', 'b']) t.strictSame(await one.askAsDocker('Unmount', 'torn', container), {})
  await cloud.untilFree(id)
}
