import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { closeFd, getXattrsAt, openFileAt, packNames, statAt } from '../../../src/host/posix.js'
import {
  createFileAt,
  finishFile,
  makeDirectoryAt,
  makeNodeAt,
  setModeAt,
  setOwnerAt,
  setXattr,
  setXattrAt,
  symlinkAt,
  writeFilesAt,
} from '../../../src/host/posix-making.js'
import { isMountRoot, recordDeviceNumber, recordMode, statBlockBytes } from '../../../src/host/stat-record.js'
import { bytes, openTree } from '../../host/posix-tree.js'
import { requirements } from '../requirements.js'

const options = requirements(t, { root: true, commands: ['mount'] })
const { S_IFBLK, S_IFCHR, S_IFMT } = fs.constants

function block(mode: number, uid: number, gid: number): Buffer {
  const block = Buffer.alloc(statBlockBytes)
  for (const [index, value] of [mode, uid, gid].entries()) block.writeUInt32LE(value, 4 * index)
  return block
}

/** Does something to a directory as a user who may do nothing. `posix` and `making` are the modules. */
function asNobody(directory: string, script: string) {
  const urls = ['posix', 'posix-making'].map((name) => new URL(`../../../src/host/${name}.js`, import.meta.url).href)
  const text = `const [posix, making] = await Promise.all(${JSON.stringify(urls)}.map((url) => import(url)))
    process.setgroups([]); process.setgid(65534); process.setuid(65534)
    const fd = posix.openRoot(${JSON.stringify(directory)})
    ${script}`
  const argv = ['--input-type=module', '-e', text]
  const { stdout, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  })
  // At its end tap has it write a file, which nobody may not: that is no failure of ours.
  if (stdout === '') throw new Error(stderr)
  return JSON.parse(stdout) as unknown
}

t.test('BK09 devices are made with their numbers, small and large', options, async (t) => {
  const tree = openTree(t)
  for (const [name, type, major, minor] of [
    ['null', S_IFCHR, 1, 3],
    ['disk', S_IFBLK, 259, 1_000_000],
  ] as const) {
    makeNodeAt(tree.fd, bytes(name), type | 0o640, { major, minor })
    const record = statAt(tree.fd, bytes(name))
    t.strictSame(recordDeviceNumber(record), { major, minor })
    t.equal(recordMode(record) & S_IFMT, type)
  }
})

t.test('BK09 owners are given, to links too and not to what they lead to', options, async (t) => {
  const tree = openTree(t)
  tree.write('file')
  makeDirectoryAt(tree.fd, bytes('directory'), 0o700)
  symlinkAt(bytes('file'), tree.fd, bytes('link'))
  setOwnerAt(tree.fd, bytes('link'), 12, 34)
  setOwnerAt(tree.fd, bytes('directory'), 2 ** 32 - 2, 56)
  const ownerOf = (name: string) => {
    const { uid, gid } = fs.lstatSync(tree.pathOf(name))
    return [uid, gid]
  }
  t.strictSame(['file', 'link', 'directory'].map(ownerOf), [
    [0, 0],
    [12, 34],
    [2 ** 32 - 2, 56],
  ])
})

t.test('BK09 files get owner and setuid in one call, in that order', options, async (t) => {
  const tree = openTree(t)
  const names = packNames([bytes('file')])
  const directoryFds = Int32Array.of(tree.fd)
  const files = {
    directoryFds,
    names,
    blocks: block(0o106755, 12, 34),
    data: Buffer.alloc(0),
    offsets: Uint32Array.of(0),
  }
  t.strictSame(writeFilesAt(files, { withOwner: true, modeMask: 0o7777 }), [])
  const { uid, gid, mode } = fs.statSync(tree.pathOf('file'))
  t.strictSame([uid, gid, mode], [12, 34, 0o106755])

  makeDirectoryAt(tree.fd, bytes('directory'), 0o700)
  const fd = fs.openSync(tree.pathOf('directory'), 'r')
  finishFile(fd, block(0o042755, 12, 34), { withOwner: true, modeMask: 0o7777 })
  fs.closeSync(fd)
  t.match(fs.statSync(tree.pathOf('directory')), { uid: 12, gid: 34, mode: 0o042755 })
})

t.test("S25 where an owner cannot be given, nobody's setuid program becomes ours", options, async (t) => {
  const tree = openTree(t)
  fs.chmodSync(tree.directory, 0o777)
  const files = `{ directoryFds: Int32Array.of(fd), names: Buffer.from('file\\0'), data: Buffer.alloc(0), offsets: Uint32Array.of(0),
      blocks: Buffer.from('${block(0o106755, 0, 0).toString('hex')}', 'hex') }`
  const failures = asNobody(
    tree.directory,
    `console.log(JSON.stringify(making.writeFilesAt(${files}, { withOwner: true, modeMask: 0o7777 }).map(({ error }) => error)))`,
  )
  t.match(failures, [{ code: 'EPERM', syscall: 'fchown' }])
  t.match(fs.statSync(tree.pathOf('file')), { uid: 65534, mode: 0o100755 })
})

t.test('others may read what they do not own, and what they may not is told', options, async (t) => {
  const tree = openTree(t)
  fs.chmodSync(tree.directory, 0o755)
  tree.write('readable', 'x')
  tree.write('secret', 'x')
  fs.chmodSync(tree.pathOf('readable'), 0o644)
  fs.chmodSync(tree.pathOf('secret'), 0o600)
  const read = asNobody(
    tree.directory,
    `const names = Buffer.from('readable\\0secret\\0'), into = Buffer.alloc(10)
     const records = posix.readFilesAt({ directoryFds: Int32Array.of(fd, fd), names, limitBytes: 5, into })
     console.log(JSON.stringify([records.readUInt32LE(84), records.readUInt32LE(88 + 84), into[0]]))`,
  )
  t.strictSame(read, [0, 13, 'x'.charCodeAt(0)])
})

t.test(
  'BK09 capabilities and ACLs are attributes, and survive in the order in which a restore gives them',
  options,
  async (t) => {
    const tree = openTree(t)
    // cap_net_raw+ep, revision 2.
    const capability = Buffer.from('0100000200200000000000000000000000000000', 'hex')
    // user::rw-, user:12:r--, group::r--, mask::r--, other::---
    const acl = Buffer.from(
      '02000000' +
        '01000600ffffffff' +
        '020004000c000000' +
        '04000400ffffffff' +
        '10000400ffffffff' +
        '20000000ffffffff',
      'hex',
    )
    const fd = createFileAt(tree.fd, bytes('file'))
    finishFile(fd, block(0o100640, 12, 34), { withOwner: true, modeMask: 0o7777 })
    setXattr(fd, bytes('security.capability'), capability)
    setXattr(fd, bytes('system.posix_acl_access'), acl)
    setXattr(fd, bytes('trusted.x'), bytes('y'))
    closeFd(fd)
    t.same(getXattrsAt(tree.fd, bytes('file')), [
      [bytes('security.capability'), capability],
      [bytes('system.posix_acl_access'), acl],
      [bytes('trusted.x'), bytes('y')],
    ])
    t.equal(fs.statSync(tree.pathOf('file')).mode, 0o100640)
  },
)

t.test('BK09 links and FIFOs have attributes of their own', options, async (t) => {
  const tree = openTree(t)
  tree.write('file')
  symlinkAt(bytes('file'), tree.fd, bytes('link'))
  tree.makeFifo('fifo')
  for (const name of ['link', 'fifo']) {
    setXattrAt(tree.fd, bytes(name), bytes('trusted.of'), bytes(name))
    t.same(getXattrsAt(tree.fd, bytes(name)), [[bytes('trusted.of'), bytes(name)]])
  }
  t.equal(getXattrsAt(tree.fd, bytes('file')), undefined)
})

t.test('S23 the mode of a device is set without opening it', options, async (t) => {
  const tree = openTree(t)
  // No driver has that number: to open it would fail.
  makeNodeAt(tree.fd, bytes('device'), S_IFCHR | 0o600, { major: 500, minor: 0 })
  t.throws(() => openFileAt(tree.fd, bytes('device')), { code: /^(?:ENXIO|EACCES)$/ })
  setModeAt(tree.fd, bytes('device'), 0o666)
  t.equal(fs.statSync(tree.pathOf('device')).mode, S_IFCHR | 0o666)
})

t.test('what is mounted is told from its record, also when it is of the same file system', options, async (t) => {
  const tree = openTree(t)
  for (const name of ['here', 'there']) fs.mkdirSync(tree.pathOf(name))
  const [here, there] = ['here', 'there'].map((name) => tree.pathOf(name).toString())
  spawnSync('mount', ['--bind', there!, here!])
  t.teardown(() => spawnSync('umount', [here!]))
  t.strictSame(
    ['here', 'there'].map((name) => isMountRoot(statAt(tree.fd, bytes(name)))),
    [true, false],
  )
})
