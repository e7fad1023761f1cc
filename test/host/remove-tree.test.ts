import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { OpenDirectory } from '../../src/host/open-directory.js'
import { removeTree } from '../../src/host/remove-tree.js'
import { memoryDirectory } from './memory-directory.js'

function tree(t: Test) {
  const parent = memoryDirectory(t)
  const outside = join(parent, 'outside')
  fs.mkdirSync(join(outside, 'directory'), { recursive: true })
  fs.writeFileSync(join(outside, 'file'), 'keep me')
  fs.writeFileSync(join(outside, 'directory/file'), 'keep me too')
  const root = join(parent, 'root')
  fs.mkdirSync(root)
  return { root, outside, isOutsideWhole: () => fs.readdirSync(outside, { recursive: true }).length === 3 }
}

const openFiles = () => fs.readdirSync('/proc/self/fd').length

function makeDeep(root: string, depth: number, name: Buffer): void {
  let directory = fs.openSync(root, 'r')
  for (let level = 0; level < depth; level += 1) {
    const path = Buffer.concat([Buffer.from(`/proc/self/fd/${directory}/`), name])
    fs.mkdirSync(path)
    const next = fs.openSync(path, 'r')
    fs.closeSync(directory)
    directory = next
  }
  fs.writeFileSync(`/proc/self/fd/${directory}/file`, 'x')
  fs.closeSync(directory)
}

t.test('a tree is gone, and everything in it counts', async (t) => {
  const { root } = tree(t)
  fs.mkdirSync(join(root, 'a/b/c'), { recursive: true })
  fs.mkdirSync(join(root, 'empty'))
  for (const file of ['one', 'a/two', 'a/b/c/three']) fs.writeFileSync(join(root, file), 'x')
  t.strictSame(await removeTree(root), { entriesRemoved: 8 })
  t.notOk(fs.existsSync(root))
  t.strictSame(await removeTree(root), { entriesRemoved: 0 }, 'a tree that is gone already')
})

t.test('links are removed, what they lead to is not', async (t) => {
  const { root, outside, isOutsideWhole } = tree(t)
  fs.symlinkSync(outside, join(root, 'directory-link'))
  fs.symlinkSync(join(outside, 'file'), join(root, 'file-link'))
  fs.symlinkSync('../outside', join(root, 'relative'))
  fs.symlinkSync('nowhere', join(root, 'dangling'))
  fs.symlinkSync('.', join(root, 'circle'))
  fs.linkSync(join(outside, 'file'), join(root, 'hard-link'))
  t.strictSame(await removeTree(root), { entriesRemoved: 7 })
  t.ok(isOutsideWhole())
  t.equal(fs.readFileSync(join(outside, 'file'), 'utf8'), 'keep me')
  t.equal(fs.statSync(join(outside, 'file')).nlink, 1)
})

t.test('fifos, sockets and sparse files are removed without being opened', async (t) => {
  const { root } = tree(t)
  t.equal(spawnSync('/usr/bin/mkfifo', [join(root, 'fifo')]).status, 0)
  fs.writeFileSync(join(root, 'sparse'), '')
  fs.truncateSync(join(root, 'sparse'), 2 ** 40)
  t.strictSame(await removeTree(root), { entriesRemoved: 3 })
})

t.test('names may be any bytes', async (t) => {
  const { root } = tree(t)
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 40 })
    .map((bytes) => Buffer.from(bytes.map((b) => (b === 0 || b === 0x2f ? 0x0a : b))))
  const odd = [
    Buffer.alloc(255, 0xff),
    Buffer.alloc(255, '\n'),
    Buffer.from('-rf'),
    Buffer.from('...'),
    Buffer.from(' '),
  ]
  const names = [...odd, ...fc.sample(name, 200)].filter((bytes) => !['.', '..'].includes(bytes.toString()))
  for (const [index, bytes] of names.entries()) {
    const path = Buffer.concat([Buffer.from(`${root}/`), bytes])
    if (fs.existsSync(path)) continue
    if (index % 2 === 0) fs.writeFileSync(path, 'x')
    else fs.mkdirSync(Buffer.concat([path, Buffer.from('/'), bytes]), { recursive: true })
  }
  await removeTree(root)
  t.notOk(fs.existsSync(root))
})

t.test('10,000 levels need neither stack nor descriptors', async (t) => {
  const { root } = tree(t)
  makeDeep(root, 10_000, Buffer.alloc(255, 'd'))
  let most = 0
  const timer = setInterval(() => (most = Math.max(most, openFiles())), 1)
  const before = openFiles()
  t.strictSame(await removeTree(root), { entriesRemoved: 10_002 })
  clearInterval(timer)
  t.ok(most < before + 50, `${most} descriptors, ${before} before`)
  t.equal(openFiles(), before)
  t.notOk(fs.existsSync(root))
})

t.test('directories of many directories are done in pieces', async (t) => {
  const { root } = tree(t)
  for (let index = 0; index < 2500; index += 1) fs.mkdirSync(join(root, `d${index}`))
  makeDeep(root, 70, Buffer.from('deep'))
  const deep = join(root, 'deep/'.repeat(70))
  for (let index = 0; index < 100; index += 1) fs.mkdirSync(join(deep, `d${index}`))
  t.strictSame(await removeTree(root), { entriesRemoved: 2500 + 70 + 1 + 100 + 1 })
})

t.test('progress is told every thousand entries', async (t) => {
  const { root } = tree(t)
  for (let index = 0; index < 2500; index += 1) fs.writeFileSync(join(root, `f${index}`), '')
  const told: number[] = []
  await removeTree(root, { onProgress: (entriesRemoved) => told.push(entriesRemoved) })
  t.strictSame(told, [1000, 2000])
})

t.test('an abort stops between entries, and the same call does the rest', async (t) => {
  const { root } = tree(t)
  for (let index = 0; index < 5000; index += 1) fs.writeFileSync(join(root, `f${index}`), '')
  const controller = new AbortController()
  const onProgress = () => controller.abort()
  await t.rejects(removeTree(root, { signal: controller.signal, onProgress }), { code: 'deadline-exceeded' })
  const left = fs.readdirSync(root).length
  t.ok(left > 0 && left < 5000, `${left} left`)
  await t.rejects(removeTree(root, { signal: controller.signal }), { code: 'deadline-exceeded' })
  t.equal(fs.readdirSync(root).length, left)
  t.strictSame(await removeTree(root), { entriesRemoved: left + 1 })
})

t.test('the event loop has its turns meanwhile', async (t) => {
  const { root } = tree(t)
  for (let index = 0; index < 5000; index += 1) fs.writeFileSync(join(root, `f${index}`), '')
  let turns = 0
  const timer = setInterval(() => (turns += 1), 1)
  await removeTree(root)
  clearInterval(timer)
  t.ok(turns >= 3, `${turns} turns`)
})

t.test('a root that is no directory is left alone', async (t) => {
  const { root, outside, isOutsideWhole } = tree(t)
  fs.symlinkSync(outside, join(root, 'link'))
  await t.rejects(removeTree(join(root, 'link')), { code: 'unavailable', message: /not a directory/ })
  await t.rejects(removeTree(join(outside, 'file')), { code: 'unavailable', message: /not a directory/ })
  t.ok(isOutsideWhole())
})

t.test('an open directory stays the same one when its path leads elsewhere', async (t) => {
  const { root, outside, isOutsideWhole } = tree(t)
  fs.mkdirSync(join(root, 'd'))
  fs.writeFileSync(join(root, 'd/file'), 'x')
  const directory = new OpenDirectory(join(root, 'd'))
  fs.renameSync(join(root, 'd'), join(root, 'moved'))
  fs.symlinkSync(outside, join(root, 'd'))
  directory.removeFile(Buffer.from('file'))
  directory.close()
  t.ok(isOutsideWhole())
  t.strictSame(fs.readdirSync(join(root, 'moved')), [])
  t.throws(() => new OpenDirectory(join(root, 'd')), { code: 'ENOTDIR' })
})

t.test('a directory that is moved while we are in it: nothing but the tree is removed, and all of it', async (t) => {
  const { root, isOutsideWhole } = tree(t)
  const depth = 60
  const move = 'a/'.repeat(20)
  makeDeep(root, depth, Buffer.from('a'))
  const bottom = join(root, 'a/'.repeat(depth))
  for (let index = 0; index < 3000; index += 1) fs.writeFileSync(join(bottom, `f${index}`), '')
  // Called in the bottom directory, far below the levels that are held open.
  const onProgress = () => {
    if (fs.existsSync(join(root, move))) fs.renameSync(join(root, move), join(root, 'moved'))
  }
  await removeTree(root, { onProgress })
  t.notOk(fs.existsSync(root))
  t.ok(isOutsideWhole())
})

t.test(
  'a directory that is moved out of the tree takes what we are in with it, and nothing else is touched',
  async (t) => {
    const { root, outside } = tree(t)
    const depth = 60
    makeDeep(root, depth, Buffer.from('a'))
    const bottom = join(root, 'a/'.repeat(depth))
    for (let index = 0; index < 1500; index += 1) fs.writeFileSync(join(bottom, `f${index}`), '')
    const from = join(root, 'a/'.repeat(20))
    const onProgress = () => {
      if (fs.existsSync(from)) fs.renameSync(from, join(outside, 'moved'))
    }
    await removeTree(root, { onProgress })
    t.notOk(fs.existsSync(root))
    t.equal(fs.readFileSync(join(outside, 'directory/file'), 'utf8'), 'keep me too')
    t.equal(fs.readFileSync(join(outside, 'file'), 'utf8'), 'keep me')
  },
)

/** Exchanges directory and link as fast as it can, by the only means that Node has. */
const attack = `
  const fs = require('node:fs')
  process.chdir(process.argv[1])
  process.stdout.write('ready')
  const parent = process.ppid
  while (process.ppid === parent) {
    try { fs.renameSync('d', 'd2'); fs.renameSync('l', 'd'); fs.renameSync('d', 'l'); fs.renameSync('d2', 'd') } catch {
      try { fs.renameSync('d2', 'd') } catch {}
      if (!fs.existsSync('.') || fs.readdirSync('.').length === 0) break
    }
  }`

t.test('a race with one who exchanges directories for links removes nothing outside', async (t) => {
  for (let round = 0; round < 10; round += 1) {
    const { root, outside, isOutsideWhole } = tree(t)
    fs.mkdirSync(join(root, 'd/directory'), { recursive: true })
    for (let index = 0; index < 200; index += 1) fs.writeFileSync(join(root, `d/f${index}`), '')
    fs.symlinkSync(outside, join(root, 'l'))
    const attacker = spawn(process.execPath, ['-e', attack, root], { stdio: ['ignore', 'pipe', 'ignore'] })
    const ended = once(attacker, 'exit')
    await once(attacker.stdout, 'data')
    await removeTree(root).catch(() => undefined)
    attacker.kill('SIGKILL')
    await ended
    if (!isOutsideWhole()) t.fail(`round ${round}: something outside was removed`)
    await removeTree(root)
    t.notOk(fs.existsSync(root))
  }
})
