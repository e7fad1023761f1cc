import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { removeTree } from '../../../src/host/remove-tree.js'
import { requirements } from '../requirements.js'
import { background, end, loopDevice, run, temporaryDirectory } from './mount-fixtures.js'

const mounts = requirements(t, { root: true, commands: ['mount', 'umount', 'findmnt'], filesystems: ['tmpfs'] })

t.test('what is mounted below the tree is not crossed, also from the same file system', mounts, async (t) => {
  const directory = temporaryDirectory(t)
  const root = join(directory, 'root')
  for (const name of ['root/a/bind', 'root/a/tmpfs', 'root/z/more', 'outside']) {
    fs.mkdirSync(join(directory, name), { recursive: true })
  }
  for (const name of ['outside/keep', 'outside/single', 'root/a/file', 'root/z/more/file', 'root/single']) {
    fs.writeFileSync(join(directory, name), 'x')
  }
  run('mount', '--bind', join(directory, 'outside'), join(root, 'a/bind'))
  run('mount', '-t', 'tmpfs', 'none', join(root, 'a/tmpfs'))
  fs.writeFileSync(join(root, 'a/tmpfs/keep'), 'x')
  run('mount', '--bind', join(directory, 'outside/single'), join(root, 'single'))
  await t.rejects(removeTree(root), { code: 'in-use', message: /and 2 more/ })
  t.strictSame(fs.readdirSync(join(directory, 'outside')).sort(), ['keep', 'single'])
  t.strictSame(fs.readdirSync(root).sort(), ['a', 'single'], 'all else is removed')
  t.strictSame(fs.readdirSync(join(root, 'a')).sort(), ['bind', 'tmpfs'])
  t.strictSame(fs.readdirSync(join(root, 'a/tmpfs')), ['keep'])
  for (const name of ['a/bind', 'a/tmpfs', 'single']) run('umount', join(root, name))
  await removeTree(root)
  t.notOk(fs.existsSync(root))
  t.ok(fs.existsSync(join(directory, 'outside/keep')))
})

t.test('a root that is a mountpoint is emptied and reported', mounts, async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  fs.mkdirSync(root)
  run('mount', '-t', 'tmpfs', 'none', root)
  fs.writeFileSync(join(root, 'file'), 'x')
  await t.rejects(removeTree(root), { code: 'in-use' })
  t.strictSame(fs.readdirSync(root), [])
})

const fuse = requirements(t, { root: true, commands: ['mount', 'bash'], filesystems: ['fuse'], paths: ['/dev/fuse'] })

t.test('a dead file system below the tree is not even asked', fuse, async (t) => {
  const root = join(temporaryDirectory(t), 'root')
  fs.mkdirSync(join(root, 'dead'), { recursive: true })
  fs.writeFileSync(join(root, 'file'), 'x')
  const script = `exec 3<>/dev/fuse
    mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 hung ${root}/dead && echo ready; exec sleep 60`
  await background(t, 'bash', ['-c', script])
  await t.rejects(removeTree(root), { code: 'in-use', message: /dead/ })
  t.strictSame(fs.readdirSync(root), ['dead'])
})

const attributes = requirements(t, {
  root: true,
  commands: ['chattr', 'mkfs.ext4', 'losetup', 'mount', 'umount'],
  filesystems: ['ext4'],
  paths: ['/dev/loop-control'],
})

t.test('immutable files and directories are reported, and all else is removed', attributes, async (t) => {
  const directory = temporaryDirectory(t)
  const disk = join(directory, 'disk')
  fs.mkdirSync(disk)
  run('mount', '-t', 'ext4', loopDevice(t, directory), disk)
  const root = join(disk, 'root')
  for (const name of ['a/locked/inner', 'b/c', 'd']) fs.mkdirSync(join(root, name), { recursive: true })
  for (const name of ['a/locked/inner/file', 'a/file', 'b/c/immutable', 'b/c/file', 'd/append-only']) {
    fs.writeFileSync(join(root, name), 'x')
  }
  run('chattr', '+i', join(root, 'b/c/immutable'), join(root, 'a/locked'))
  run('chattr', '+a', join(root, 'd/append-only'))
  await t.rejects(removeTree(root), { code: 'unavailable', message: /not permitted.*and 2 more/ })
  const left = fs.readdirSync(root, { recursive: true }).map(String).sort()
  t.strictSame(left, ['a', 'a/locked', 'a/locked/inner', 'b', 'b/c', 'b/c/immutable', 'd', 'd/append-only'])
  run('chattr', '-R', '-i', '-a', root)
  t.strictSame(await removeTree(root), { entriesRemoved: 9 })
})

t.test('more stuck directories than are remembered at once do not hide the others', attributes, async (t) => {
  const directory = temporaryDirectory(t)
  const disk = join(directory, 'disk')
  fs.mkdirSync(disk)
  run('mount', '-t', 'ext4', loopDevice(t, directory), disk)
  const root = join(disk, 'root')
  const paths = Array.from({ length: 2400 }, (_, index) => join(root, `d${index}`))
  for (const path of paths) fs.mkdirSync(path, { recursive: true })
  const stuck = paths.filter((_, index) => index % 2 === 0)
  run('chattr', '+i', ...stuck)
  await t.rejects(removeTree(root), { code: 'unavailable', message: /and 1199 more/ })
  t.strictSame(fs.readdirSync(root).length, stuck.length)
  run('chattr', '-i', ...stuck)
  await removeTree(root)
  t.notOk(fs.existsSync(root))
})

const compiler = requirements(t, { root: true, commands: ['gcc'] })

/** Exchanges a directory and a link to the outside, without a moment in which a name is missing. */
const attacker = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **argument) {
  if (count < 2 || chdir(argument[1])) return 1;
  puts("ready");
  fflush(stdout);
  pid_t parent = getppid();
  while (getppid() == parent) syscall(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "l", 2 /* RENAME_EXCHANGE */);
}`

t.test('an attacker with renameat2 gets nothing outside removed', compiler, async (t) => {
  const directory = temporaryDirectory(t)
  const [root, outside] = [join(directory, 'root'), join(directory, 'outside')]
  fs.writeFileSync(join(directory, 'attacker.c'), attacker)
  run('gcc', '-O2', '-o', join(directory, 'attacker'), join(directory, 'attacker.c'))
  fs.mkdirSync(join(outside, 'directory'), { recursive: true })
  const rounds = Number(process.env['CONVOY_RACE_ROUNDS'] ?? 40)
  for (let round = 0; round < rounds; round += 1) {
    // The same names inside and outside: whoever follows the link finds them.
    for (let index = 0; index < 100; index += 1) fs.writeFileSync(join(outside, `f${index}`), 'x')
    fs.mkdirSync(join(root, 'd/directory'), { recursive: true })
    for (let index = 0; index < 100; index += 1) fs.writeFileSync(join(root, `d/f${index}`), 'x')
    fs.symlinkSync(outside, join(root, 'l'))
    const running = await background(t, join(directory, 'attacker'), [root])
    await removeTree(root).catch(() => undefined)
    await end(running)
    if (fs.readdirSync(outside).length !== 101) return t.fail(`round ${round} removed something outside`)
    await removeTree(root)
  }
  t.notOk(fs.existsSync(root))
  t.equal(fs.readdirSync(outside).length, 101)
})
