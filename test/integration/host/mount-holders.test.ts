import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { MountHolders, type MountHolder } from '../../../src/host/mount-holders.js'
import { locate, readMountTable } from '../../../src/host/mount-table.js'
import { KernelVolumeHolders } from '../../../src/host/volume-holders.js'
import { requirements } from '../requirements.js'
import { background, end, inMountNamespace, loopDevice, run, temporaryDirectory } from './mount-fixtures.js'

const options = requirements(t, {
  root: true,
  commands: ['mount', 'umount', 'mkfs.ext4', 'losetup', 'unshare', 'chroot'],
  filesystems: ['ext4'],
  paths: ['/dev/loop-control'],
})
const holders = new MountHolders()

/** Only those in the namespaces named: whatever else this machine does may copy our mounts into others at any time. */
async function holdersIn(device: string, namespaces: readonly string[]): Promise<readonly MountHolder[]> {
  const [found = []] = await holders.findEach([{ kind: 'filesystem', device }])
  return found.filter((holder) => namespaces.includes(holder.namespace))
}

const namespaceOf = (path: string) => readlinkSync(`/proc/${path}/ns/mnt`)

t.test('a disk that the host unmounted is held by the namespace that still mounts it', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  mkdirSync(mountpoint)
  run('mount', '-t', 'ext4', loopDevice(t, directory), mountpoint)
  const { device } = locate(await readMountTable(), mountpoint)
  const container = await inMountNamespace(t, 'echo ready; exec sleep 60')
  const namespaces = [namespaceOf('self'), namespaceOf(String(container.pid))]
  t.match(await holdersIn(device, namespaces), [
    { isOwnNamespace: true, mountpoint, pid: process.pid },
    { isOwnNamespace: false, mountpoint, pid: container.pid },
  ])
  run('umount', mountpoint)
  const left = await holdersIn(device, namespaces)
  t.match(left, [{ isOwnNamespace: false, mountpoint, pid: container.pid }])
  t.equal(left.length, 1)
  await end(container)
  t.strictSame(await holdersIn(device, namespaces), [])
})

t.test('a directory is held by a bind mount of it, wherever it is moved', options, async (t) => {
  const directory = temporaryDirectory(t)
  for (const name of ['vol1/sub', 'vol10', 'at1', 'at2', 'at3']) mkdirSync(join(directory, name), { recursive: true })
  const bind = (from: string, at: string) => `mount --bind ${join(directory, from)} ${join(directory, at)}`
  const container = await inMountNamespace(
    t,
    `${bind('vol1', 'at1')} && ${bind('vol1/sub', 'at2')} && ${bind('vol10', 'at3')} && echo ready; exec sleep 60`,
  )
  const found = async (name: string) => {
    const target = locate(await readMountTable(), join(directory, name))
    const [found = []] = await holders.findEach([{ kind: 'directory', ...target }])
    return found.map(({ mountpoint, pid }) => ({ mountpoint, pid }))
  }
  const { pid } = container
  const at = (name: string) => ({ mountpoint: join(directory, name), pid: pid! })
  t.strictSame(await found('vol1'), [at('at1'), at('at2')])
  t.strictSame(await found('vol1/sub'), [at('at2')])
  t.strictSame(await found('vol10'), [at('at3')])
  run('mv', join(directory, 'vol1'), join(directory, 'trash'))
  t.strictSame(await found('trash'), [at('at1'), at('at2')])
  t.strictSame(await found('vol1'), [])
})

t.test('a chrooted process does not hide its namespace', options, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  mkdirSync(mountpoint)
  run('mount', '-t', 'ext4', loopDevice(t, directory), mountpoint)
  const { device } = locate(await readMountTable(), mountpoint)
  const { pid } = await inMountNamespace(t, 'sleep 60 & echo ready; exec chroot /usr /bin/sleep 60')
  run('umount', mountpoint)
  t.match(await holdersIn(device, [namespaceOf(String(pid))]), [{ isOwnNamespace: false, mountpoint }])
})

const compiler = requirements(t, { root: true, commands: ['gcc', 'mount', 'umount', 'mkfs.ext4', 'losetup'] })

/** A thread that unshares its mount namespace, as dockerd has during `docker cp`. */
const threadProgram = `
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>
static void *other(void *unused) {
  if (unshare(CLONE_FS | CLONE_NEWNS)) perror("unshare");
  if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL)) perror("mount");
  puts("ready");
  fflush(stdout);
  sleep(60);
  return unused;
}
int main(void) {
  pthread_t thread;
  pthread_create(&thread, NULL, other, NULL);
  pthread_join(thread, NULL);
  return 0;
}`

t.test('a single thread that holds a disk is found', compiler, async (t) => {
  const directory = temporaryDirectory(t)
  const mountpoint = join(directory, 'vol1')
  mkdirSync(mountpoint)
  run('mount', '-t', 'ext4', loopDevice(t, directory), mountpoint)
  const { device } = locate(await readMountTable(), mountpoint)
  writeFileSync(join(directory, 'thread.c'), threadProgram)
  run('gcc', '-pthread', '-o', join(directory, 'thread'), join(directory, 'thread.c'))
  const { pid } = await background(t, join(directory, 'thread'), [])
  run('umount', mountpoint)
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => namespaceOf(`${pid}/task/${thread}`))
  const others = threads.filter((namespace) => namespace !== namespaceOf('self'))
  t.equal(others.length, 1)
  t.match(await holdersIn(device, others), [{ isOwnNamespace: false, mountpoint, pid }])
})

t.test('this test sees every namespace only when its pid namespace is the initial one', options, async (t) => {
  t.type(holders.seesEveryNamespace(), 'boolean')
  const script = 'import(process.argv[1]).then((m) => console.log(new m.MountHolders().seesEveryNamespace()))'
  const module = new URL('../../../src/host/mount-holders.js', import.meta.url).href
  const inside = run('unshare', '-p', '-f', '--mount-proc', process.execPath, '-e', script, module)
  t.equal(inside.trim(), 'false')
})

t.test(
  'a copy that the kernel made for a service goes with our mount, and a bind mount that a container made does not',
  options,
  async (t) => {
    const directory = temporaryDirectory(t)
    const [base, at] = [join(directory, 'base'), join(directory, 'at')]
    for (const path of [base, at]) mkdirSync(path)
    run('mount', '-t', 'tmpfs', 'base', base)
    run('mount', '--make-shared', base)
    const path = join(base, 'vol1')
    mkdirSync(path)
    const inSlave = (script: string) =>
      background(t, 'unshare', ['-m', '--propagation', 'slave', '--', 'sh', '-c', `${script}; exec sleep 60`])
    // As systemd-udevd is: it was there before the volume.
    const service = await inSlave('echo ready')
    run('mount', '-t', 'ext4', loopDevice(t, directory), path)
    const tableOf = ({ pid }: { readonly pid?: number | undefined }) => run('cat', `/proc/${pid}/mountinfo`)
    t.match(tableOf(service), ` ${path} `, 'the kernel has copied it')
    const found = async () => {
      const [all = []] = await new KernelVolumeHolders(holders).ofEach([{ path }])
      return all.map(({ mountpoint }) => mountpoint).filter((mountpoint) => mountpoint.startsWith(directory))
    }
    t.strictSame(await found(), [])
    const container = await inSlave(`mount --bind ${path} ${at} && echo ready`)
    t.strictSame(await found(), [at])
    run('umount', path)
    t.notMatch(tableOf(service), ` ${path} `, 'it has gone with ours')
    t.match(tableOf(container), ` ${at} `, 'and this has not')
  },
)
