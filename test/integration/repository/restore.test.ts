import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { closeFd, getXattrsAt, openRoot } from '../../../src/host/posix.js'
import { makeNodeAt, setModeAt, setOwnerAt, setXattrAt, symlinkAt } from '../../../src/host/posix-making.js'
import { restore, type RestoreRequest } from '../../../src/repository/restore/restore.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup as name, HandMadeRepository, volume } from '../../repository/hand-made-repository.js'
import { snapshotTree } from '../../repository/tree-snapshot.js'
import { requirements } from '../requirements.js'
import { SmallDisk, smallDiskNeeds } from '../small-disk.js'

const call = patientCall()
const options = requirements(t, { root: true })
const diskOptions = requirements(t, smallDiskNeeds)

async function backedUp(t: Test, fill: (source: string) => void) {
  const directory = memoryDirectory(t)
  const source = join(directory, 'source')
  fs.mkdirSync(source)
  fill(source)
  const made = await HandMadeRepository.make()
  await made.backUp(source)
  const to = join(directory, 'target')
  const run = (request: Partial<RestoreRequest> = {}) =>
    restore(made.repository, { volume, name, to, devices: true, keepHealthy: false, ...request }, { threads: 1 }, call)
  return { directory, source, to, run }
}

/** cap_net_bind_service, for whoever runs the file. */
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')

/** Read and execute for user 1000, and a mask: as the kernel keeps it. */
const acl = Buffer.from(
  ['02000000', '01000600ffffffff', '02000500e8030000', '04000400ffffffff', '10000500ffffffff', '20000000ffffffff'].join(
    '',
  ),
  'hex',
)

/** All that only root may make. */
function fillAsRoot(source: string): void {
  const fd = openRoot(source)
  fs.writeFileSync(join(source, 'setuid'), 'runs as its owner')
  setOwnerAt(fd, Buffer.from('setuid'), 1001, 1002)
  setModeAt(fd, Buffer.from('setuid'), 0o6755)
  fs.writeFileSync(join(source, 'capable'), Buffer.alloc(200_000, 'capable'))
  setOwnerAt(fd, Buffer.from('capable'), 1001, 1002)
  setXattrAt(fd, Buffer.from('capable'), Buffer.from('security.capability'), capability)
  fs.writeFileSync(join(source, 'shared'), 'shared')
  setXattrAt(fd, Buffer.from('shared'), Buffer.from('system.posix_acl_access'), acl)
  fs.mkdirSync(join(source, 'folder'))
  setXattrAt(fd, Buffer.from('folder'), Buffer.from('system.posix_acl_default'), acl)
  fs.writeFileSync(join(source, 'folder/inside'), 'inside')
  setOwnerAt(fd, Buffer.from('folder'), 1003, 0)
  setModeAt(fd, Buffer.from('folder'), 0o2770)
  symlinkAt(Buffer.from('setuid'), fd, Buffer.from('link'))
  setOwnerAt(fd, Buffer.from('link'), 1004, 1004)
  setXattrAt(fd, Buffer.from('link'), Buffer.from('trusted.of-a-link'), Buffer.from('value'))
  makeNodeAt(fd, Buffer.from('null'), 0o020666, { major: 1, minor: 3 })
  makeNodeAt(fd, Buffer.from('disk'), 0o060660, { major: 259, minor: 70_000 })
  makeNodeAt(fd, Buffer.from('pipe'), 0o010600, { major: 0, minor: 0 })
  setOwnerAt(fd, Buffer.from('pipe'), 65_534, 4_294_967_294)
  closeFd(fd)
}

t.test('what only root could make comes back as it was', options, async (t) => {
  const { source, to, run } = await backedUp(t, fillAsRoot)
  const summary = await run()
  t.strictSame(snapshotTree(to), snapshotTree(source))
  t.match(summary, { problemCount: 0, hasOwners: true })
})

t.test('devices are made only when they are asked for, and setuid can be left away', options, async (t) => {
  const { source, to, run } = await backedUp(t, fillAsRoot)
  const summary = await run({ devices: false, setuid: 'drop' })
  const { disk: _, null: __, ...expected } = snapshotTree(source)
  const { setuid, folder } = expected
  t.match(summary.problems.map(({ path }) => path).sort(), ['disk', 'null'])
  t.strictSame(snapshotTree(to), {
    ...expected,
    setuid: { ...setuid, mode: '755' },
    folder: { ...folder, mode: '770' },
  })
})

t.test('nothing is inherited from the folder around', options, async (t) => {
  const { directory, source, to, run } = await backedUp(t, (source) => {
    fs.mkdirSync(join(source, 'folder'))
    fs.writeFileSync(join(source, 'folder/file'), 'file')
  })
  const above = openRoot(join(directory, '..'))
  setXattrAt(above, Buffer.from(directory.replace(/.*\//, '')), Buffer.from('system.posix_acl_default'), acl)
  closeFd(above)
  await run()
  t.strictSame(snapshotTree(to), snapshotTree(source))
  const made = openRoot(directory)
  t.equal(getXattrsAt(made, Buffer.from('target')), undefined)
  closeFd(made)
})

t.test('a disk that gets full is told, and is as empty as before', diskOptions, async (t) => {
  const { directory, run } = await backedUp(t, (source) => {
    for (let file = 0; file < 40; file += 1)
      fs.writeFileSync(join(source, `file-${file}`), Buffer.alloc(200_000, `${file}`))
  })
  const disk = await SmallDisk.mount(t, join(directory, 'disk'), '-t', 'tmpfs', '-o', 'size=4m', 'none')
  const there = (/\d+/.exec(disk.inside[1] ?? '') ?? [])[0] ?? ''
  const path = join('/proc', there, 'root', directory, 'disk')
  const full = {
    code: 'unavailable',
    message: /^cannot restore "file-\d+": no space is left$/,
    hint: /free some space/,
  }
  await t.rejects(run({ to: join(path, 'target') }), full)
  t.strictSame(fs.readdirSync(path), [])
  t.equal(disk.run('du', '-s', disk.path).replace(/\s.*/s, ''), '0')
  await t.rejects(run({ to: path }), { code: 'unsupported', message: /something is mounted there/ })
})

t.test('a process that is killed in the middle leaves nothing that looks whole', options, async (t) => {
  const { directory, to } = await backedUp(t, () => undefined)
  const script = `
    const { RestorePlace } = await import(process.argv[1])
    RestorePlace.open(process.argv[2])
    process.kill(process.pid, 'SIGKILL')`
  const place = new URL('../../../src/repository/restore/restore-place.js', import.meta.url).href
  t.throws(() => execFileSync(process.execPath, ['--input-type=module', '-e', script, place, to]))
  t.match(fs.readdirSync(directory).sort(), [/^\.convoy-restore-[0-9a-f]{16}$/, 'source'])
})
