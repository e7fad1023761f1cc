import { closeSync, openSync, readSync } from 'node:fs'
import type { Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { type EbsHost, randomFile } from './ebs-host.js'
import type { GuestCloud } from './guest-cloud.js'

/** Two hosts of one cluster. */
export interface World {
  readonly cloud: GuestCloud
  readonly one: EbsHost
  readonly other: EbsHost
}

/** While the first host has `held` mounted at `path`, and the other was refused it. */
export async function testForce(
  t: Test,
  { cloud, one, other }: World,
  { path, refusal }: { readonly path: string; readonly refusal: string },
): Promise<void> {
  const { id } = cloud.volumeNamed('held')
  await one.sh(`${randomFile(path, 'data')} && sync ${path}/data`)
  const sums = await one.checksums(path)
  const holder = `attached to ${one.instanceId} \\(one\\) since \\d{4}-\\S+, which is running`
  t.match(refusal, new RegExp(holder))
  t.match(await other.convoy.refusal('takeover held'), new RegExp(`${holder}.*not synced to the disk is lost`, 's'))
  t.equal(cloud.holderOf(id), one.instanceId)
  await other.convoy.cli('takeover --force held')
  t.equal(await other.checksums(await other.mount('held')), sums)
  await eventually('its holder is told', async () => (await one.events('volume.lost', 'held')).length > 0)
  await one.unmount('held')
  t.equal(cloud.holderOf(id), other.instanceId, 'who lost it does not take it away again')
  await other.unmount('held')
}

export interface PowerLoss {
  /** Of all that was synced in `pg`, by the name of the file. */
  readonly sums: string
  /** Whether its journal holds what the file system lacks. */
  readonly isDirty: boolean
  /** Where the other host has it in the end. */
  readonly takenOver: Promise<string>
}

/** The first host dies while it writes to `pg`; EC2 sees it when the other host waits for the volume already. */
export async function losePower({ cloud, one, other }: World): Promise<PowerLoss> {
  const path = await one.mount('pg')
  const noise = `while dd if=/dev/urandom of=${path}/noise bs=64K count=16 conv=fsync; do rm ${path}/noise; done`
  await one.sh(`setsid sh -c '${noise}' </dev/null >/dev/null 2>&1 &`)
  const names = ['first', 'second', 'third']
  for (const name of names) await one.sh(`${randomFile(path, name)} && sync ${path}/${name}`)
  const sums = await one.sh(sumsOf(path))
  const file = cloud.disks.volumeOf(cloud.volumeNamed('pg')).file
  await one.guest.kill()
  const isDirty = needsRecovery(file)
  cloud.disks.stop(one.instanceId)
  const asked = cloud.emulator.calls.count('DescribeInstances')
  const takenOver = other.mount('pg')
  takenOver.catch(() => undefined)
  await eventually('it asks who has it', () => cloud.emulator.calls.count('DescribeInstances') > asked)
  await cloud.cloud.setInstanceState(one.instanceId, 'stopped')
  return { sums, isDirty, takenOver }
}

const sumsOf = (path: string) => `cd ${path} && sha256sum data first second third`

/** A bit of the superblock of ext4. */
function needsRecovery(file: string): boolean {
  const superblock = Buffer.alloc(1024)
  const fd = openSync(file, 'r')
  readSync(fd, superblock, 0, superblock.length, 1024)
  closeSync(fd)
  return superblock.readUInt16LE(0x38) === 0xef53 && (superblock.readUInt32LE(0x60) & 4) !== 0
}

export async function testTakenOver(t: Test, { cloud, other }: World, loss: PowerLoss): Promise<void> {
  const path = await loss.takenOver
  t.equal(await other.sh(sumsOf(path)), loss.sums)
  t.ok(loss.isDirty)
  // Or else the kernel would have had to.
  t.equal(await other.sh('dmesg | grep -c "EXT4-fs (nvme.*recovery" || true'), '0', 'e2fsck has replayed the journal')
  const detached = cloud.emulator.calls.of('DetachVolume')
  const forced = detached.filter(({ parameters }) => parameters['Force'] === 'true')
  t.strictSame(
    forced.map(({ parameters }) => parameters['VolumeId']),
    [cloud.volumeNamed('held').id],
    'only what an operator said is taken by force',
  )
  await other.unmount('pg')
  await cloud.untilFree(cloud.volumeNamed('pg').id)
}

/** A disk that convoy has not made, with what a database needs to be there still. */
export async function testAdoption(t: Test, { cloud, other }: World): Promise<void> {
  const volume = cloud.cloud.addVolume({ sizeGib: 1, tags: { Name: 'production' } })
  const disk = cloud.disks.volumeOf(volume)
  const look = async () => {
    const device = await other.guest.attach(disk)
    const superblock = await other.sh(`dumpe2fs -h ${device} | grep -E 'volume name|UUID|created|Inode count'`)
    await other.sh(`mount -o ro ${device} /mnt`)
    const seen = `${superblock}\n${await other.checksums('/mnt')}\n${await other.sh('cd /mnt && find . | sort')}`
    await other.sh('umount /mnt')
    await other.guest.detach(disk)
    return seen
  }
  const device = await other.guest.attach(disk)
  const files = 'mkdir -p base/1 pg_wal && echo 16 > PG_VERSION'
  await other.sh(`mkfs.ext4 -q -L production ${device} && mount ${device} /mnt && cd /mnt && ${files}`)
  await other.sh(`${randomFile('/mnt/base/1', '1259')}; umount /mnt`)
  await other.guest.detach(disk)
  const before = await look()
  await other.convoy.cli(`create --opt id=${volume.id} old`)
  const path = await other.mount('old')
  t.equal(await other.sh(`cat ${path}/PG_VERSION; stat -c %F ${path}/lost+found`), '16\ndirectory', 'at its root')
  await other.unmount('old')
  await cloud.untilFree(volume.id)
  await other.convoy.cli('delete old')
  t.notMatch(await other.convoy.cli('ls'), /old/)
  t.strictSame(cloud.cloud.volume(volume.id).tags, { Name: 'production' })
  t.equal(await look(), before)
}
