import t, { type Test } from 'tap'
import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import type { Guest } from './guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'
import { diskDevice } from './qemu-command.js'

const options = guestRequirements(t)
const mebibyte = 1024 * 1024

/** Who writes, as the beginning of a command. */
const root = ''
const user = 'setpriv --reuid 1000 --regid 1000 --clear-groups'
/** Root as Docker starts it: without CAP_SYS_RESOURCE. */
const containerRoot = 'setpriv --bounding-set -sys_resource --inh-caps -sys_resource'

t.test('limits of volumes on real file systems', options, async (t) => {
  const lab = Lab.open(t)
  const blank = [128, 512, 256, 256].map((size, index) => ({ file: lab.blankDisk(`blank-${index}`, size) }))
  const guest = await lab.boot('quota', { cpus: 2, memoryMib: 1024, disks: [convoyDisk(lab), ...blank] })
  await mount(guest, { device: diskDevice(1), format: 'mkfs.ext4 -q', directory: '/var/lib/convoy' })
  const ext4 = 'mkfs.ext4 -q -O project,quota'
  await mount(guest, { device: diskDevice(2), format: 'mkfs.xfs -q', options: 'prjquota', directory: '/srv/xfs' })
  await mount(guest, { device: diskDevice(3), format: ext4, options: 'prjquota', directory: '/srv/ext4' })
  await mount(guest, { device: diskDevice(4), format: ext4, directory: '/srv/plain' })
  const start = async (name: string) => GuestConvoy.start(guest, name, [`path=/srv/${name}`])
  const [onXfs, onExt4, onPlain] = await Promise.all([start('xfs'), start('ext4'), start('plain')])

  await t.test('xfs with prjquota', async (t) => testXfs(t, guest, onXfs))
  await t.test('ext4 with prjquota', async (t) => testExt4(t, guest, onExt4))
  await t.test('ext4 that counts projects, but was mounted without prjquota', async (t) => {
    await onPlain.cli('create --opt size=20m --opt uid=1000 data')
    t.match(await onPlain.driverInfo('data'), { SizeEnforced: 'false' })
    t.match(await write(guest, user, '/srv/plain/data/file'), { failure: '', bytes: 30 * mebibyte })
  })
})

async function testXfs(t: Test, guest: Guest, convoy: GuestConvoy): Promise<void> {
  await convoy.cli('create --opt size=20m data')

  await t.test('root is stopped at the size of the volume', async (t) => {
    t.match(await convoy.driverInfo('data'), { SizeEnforced: 'true' })
    isStopped(t, await write(guest, root, '/srv/xfs/data/file'), 'No space left on device')
  })
  await t.test('a new volume of the same name has all of its size while the old one is in the trash', async (t) => {
    await convoy.cli('delete data')
    await convoy.cli('create --opt size=20m data')
    t.match(await convoy.driverInfo('data'), { SizeEnforced: 'true' })
    isStopped(t, await write(guest, root, '/srv/xfs/data/file'), 'No space left on device')
  })
  await t.test('a volume that comes back from the trash keeps its limit', async (t) => {
    await convoy.cli('undelete data --as old')
    t.match(await convoy.driverInfo('old'), { SizeEnforced: 'true' })
    await guest.sh('rm /srv/xfs/old/file')
    isStopped(t, await write(guest, root, '/srv/xfs/old/directory/file'), 'No space left on device')
  })
  await t.test('another size is another limit at once, and moves with the volume to another name', async (t) => {
    const file = (name: string) => `/srv/xfs/${name}/directory/file`
    await convoy.cli('resize old 40m')
    t.match(await write(guest, root, file('old')), { failure: '', bytes: 30 * mebibyte })
    await t.rejects(convoy.cli('resize old 20m'), /holds \d+ bytes already/)
    await convoy.cli('rename old renamed')
    const { failure, bytes } = await write(guest, root, file('renamed'), 50)
    t.match(failure, 'No space left on device')
    t.ok(bytes > 38 * mebibyte && bytes <= 40 * mebibyte, `${bytes} bytes were written`)
  })
}

async function testExt4(t: Test, guest: Guest, convoy: GuestConvoy): Promise<void> {
  for (const name of ['data', 'other']) await convoy.cli(`create --opt size=20m --opt uid=1000 ${name}`)

  await t.test('a user is stopped at the size of the volume, and only there', async (t) => {
    t.match(await convoy.driverInfo('data'), { SizeEnforced: 'true' })
    isStopped(t, await write(guest, user, '/srv/ext4/data/file'), 'Disk quota exceeded')
    t.match(await write(guest, user, '/srv/ext4/other/file', 15), { failure: '', bytes: 15 * mebibyte })
  })
  await t.test('a new volume of the same name has all of its size while the old one is in the trash', async (t) => {
    await convoy.cli('delete data')
    await convoy.cli('create --opt size=20m --opt uid=1000 data')
    t.match(await convoy.driverInfo('data'), { SizeEnforced: 'true' })
    isStopped(t, await write(guest, user, '/srv/ext4/data/file'), 'Disk quota exceeded')
    await guest.sh('rm /srv/ext4/data/file')
  })
  await t.test('root in a container is stopped, and root on the host is not: so the kernel has it', async (t) => {
    const path = '/srv/ext4/data/directory/file'
    isStopped(t, await write(guest, containerRoot, path), 'Disk quota exceeded')
    t.match(await write(guest, root, path), { failure: '', bytes: 30 * mebibyte })
  })
}

interface FileSystem {
  readonly device: string
  readonly format: string
  readonly options?: string
  readonly directory: string
}

async function mount(guest: Guest, { device, format, options = 'defaults', directory }: FileSystem): Promise<void> {
  await guest.sh(`${format} ${device} && mkdir -p ${directory} && mount -o ${options} ${device} ${directory}`)
}

interface Written {
  /** What dd says, empty when it could write all. */
  readonly failure: string
  readonly bytes: number
}

/** Writes a file anew, in a new directory if need be. */
async function write(guest: Guest, writer: string, path: string, mebibytes = 30): Promise<Written> {
  const dd = `${writer} dd if=/dev/zero of=${path} bs=1M count=${mebibytes} conv=fsync status=none`
  const { stderr } = await guest.exec(`mkdir -p $(dirname ${path}); LC_ALL=C ${dd}`)
  return { failure: stderr.trim(), bytes: Number(await guest.sh(`sync ${path}; stat -c %s ${path}`)) }
}

/** Of 20 MiB a file system keeps a little for itself: directories, preallocation. */
function isStopped(t: Test, { failure, bytes }: Written, reason: string): void {
  t.match(failure, reason)
  t.ok(bytes > 18 * mebibyte && bytes <= 20 * mebibyte, `${bytes} bytes were written`)
}
