import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { memoryDirectory } from './memory-directory.js'
import { locate, readMountTable } from '../../src/host/mount-table.js'
import { MountHolders, type HolderTarget } from '../../src/host/mount-holders.js'

interface FakeThread {
  readonly namespace: number
  /** Lines of mountinfo; without them the file is missing, as for a process that has just gone. */
  readonly mounts?: readonly string[]
  readonly root?: string
}
interface FakeProcess extends FakeThread {
  readonly threads?: Readonly<Record<string, FakeThread>>
}

interface FakeMount {
  readonly device?: string
  readonly root?: string
  readonly id?: number
}
const mount = (at: string, { device = '8:16', root = '/', id = 100 }: FakeMount = {}) =>
  `${id} 1 ${device} ${root} ${at} rw,relatime - ext4 /dev/sdb rw`

interface FakeProc {
  readonly root: string
  readonly holders: MountHolders
}

/** A tree of files and links as /proc has it. Ourselves: process 500 in namespace 1. */
function fakeProc(t: Test, processes: Readonly<Record<string, FakeProcess>>, own: readonly string[] = []): FakeProc {
  const root = memoryDirectory(t)
  const all: Readonly<Record<string, FakeProcess>> = { ...processes, '500': { namespace: 1, mounts: own } }
  for (const [pid, { threads, ...main }] of Object.entries(all)) {
    for (const [thread, content] of Object.entries({ [pid]: main, ...threads })) {
      writeThread(join(root, pid, 'task', thread), content)
    }
    writeThread(join(root, pid), main)
  }
  symlinkSync('500', join(root, 'self'))
  writeFileSync(join(root, 'cmdline'), 'not a process')
  mkdirSync(join(root, 'sys'))
  return { root, holders: new MountHolders(root) }
}

function writeThread(path: string, { namespace, mounts, root = '/' }: FakeThread): void {
  mkdirSync(join(path, 'ns'), { recursive: true })
  symlinkSync(`mnt:[${namespace}]`, join(path, 'ns/mnt'))
  symlinkSync(root, join(path, 'root'))
  if (mounts !== undefined) writeFileSync(join(path, 'mountinfo'), mounts.map((line) => line + '\n').join(''))
}

const find = async (holders: MountHolders, target: HolderTarget) => (await holders.findEach([target]))[0] ?? []

const disk: HolderTarget = { kind: 'filesystem', device: '8:16' }
const directory: HolderTarget = { kind: 'directory', device: '8:16', root: '/vols/vol1' }

t.test('a file system is held by each namespace that mounts it, by device number', async (t) => {
  const { holders } = fakeProc(t, {
    '7': { namespace: 2, mounts: [mount('/data'), mount('/else', { device: '8:1', id: 101 })] },
    '8': { namespace: 3, mounts: [mount('/x', { device: '8:160' }), mount('/y', { device: '18:16', id: 101 })] },
  })
  t.strictSame(await find(holders, disk), [
    { pid: 7, namespace: 'mnt:[2]', mountpoint: '/data', isOwnNamespace: false, deleted: false },
  ])
})

t.test('one look answers for several targets, each by itself', async (t) => {
  const mounts = [
    mount('/data', { root: '/vols/vol1' }),
    mount('/more', { device: '8:1', root: '/vols/vol1', id: 101 }),
    mount('/sub', { root: '/vols/vol1/sub', id: 102 }),
  ]
  const { holders } = fakeProc(t, { '7': { namespace: 2, mounts } })
  const free: HolderTarget = { ...directory, root: '/vols/vol2' }
  const sub: HolderTarget = { ...directory, root: '/vols/vol1/sub' }
  const found = await holders.findEach([free, directory, { ...disk, device: '8:1' }, sub, free])
  t.strictSame(
    found.map((each) => each.map(({ mountpoint }) => mountpoint)),
    [[], ['/data', '/sub'], ['/more'], ['/sub'], []],
  )
  t.strictSame(await holders.findEach([]), [])
})

t.test(
  'a directory of an NFS server is held under every mount of it, whatever its device: roots say nothing there',
  async (t) => {
    const nfs = (mountpoint: string, source: string, device = '0:50', id = 100) =>
      `${id} 1 ${device} / ${mountpoint} rw - nfs4 ${source} rw,vers=4.2`
    const { holders } = fakeProc(t, {
      '7': { namespace: 2, mounts: [nfs('/data', 'nas:/export/db'), nfs('/logs', 'nas:/export/db/logs', '0:61', 101)] },
      '8': { namespace: 3, mounts: [nfs('/data', 'nas:/export/db2'), nfs('/all', 'nas:/export', '0:50', 101)] },
      '9': { namespace: 4, mounts: ['100 1 0:70 / /data rw - ext4 nas:/export/db rw'] },
    })
    const found = await find(holders, { kind: 'remote', source: 'nas:/export/db' })
    t.same(
      found.map(({ pid, mountpoint }) => `${pid} ${mountpoint}`),
      ['7 /data', '7 /logs'],
    )
  },
)

t.test('a server that has many addresses is held under each of them, and so is one that looks like it', async (t) => {
  const nfs = (mountpoint: string, source: string) => `100 1 0:50 / ${mountpoint} rw - nfs4 ${source} rw,vers=4.1`
  const { holders } = fakeProc(t, {
    '7': { namespace: 2, mounts: [nfs('/data', '10.0.0.4:/db')] },
    '8': { namespace: 3, mounts: [nfs('/proxy', '127.0.0.1:/db/sub')] },
    '9': { namespace: 4, mounts: [nfs('/other', '10.0.0.4:/db2')] },
    '10': { namespace: 5, mounts: [nfs('/named', 'nas:/db')] },
    '11': { namespace: 6, mounts: [nfs('/v6', 'fd00::5:/db')] },
  })
  const target = { kind: 'remote', source: 'fs-0123456789abcdef0:/db', servers: /^[0-9a-f.:]+$/ } as const
  t.same(
    new Set((await find(holders, target)).map(({ mountpoint }) => mountpoint)),
    new Set(['/data', '/proxy', '/v6']),
  )
})

t.test('our own namespace counts too and is marked', async (t) => {
  const { holders } = fakeProc(t, { '7': { namespace: 1 } }, [mount('/convoy/vol1')])
  t.strictSame(await find(holders, disk), [
    { pid: 500, namespace: 'mnt:[1]', mountpoint: '/convoy/vol1', isOwnNamespace: true, deleted: false },
  ])
})

t.test('a directory is held by mounts of it and of what is below it, not of what is above or beside it', async (t) => {
  const roots = ['/vols/vol1', '/vols/vol1/sub', '/vols', '/', '/vols/vol10', '/vols/vol', '/other/vols/vol1']
  const mounts = roots.map((root, index) => mount(`/m${index}`, { root, id: 100 + index }))
  const { holders } = fakeProc(t, { '7': { namespace: 2, mounts } }, [mount('/disk')])
  t.strictSame(
    (await find(holders, directory)).map((holder) => holder.mountpoint),
    ['/m0', '/m1'],
  )
  t.strictSame(await find(holders, { ...directory, device: '8:17' }), [])
})

t.test('a mount of a directory that was removed is a holder and says so', async (t) => {
  const { holders } = fakeProc(t, { '7': { namespace: 2, mounts: [mount('/data', { root: '/vols/vol1//deleted' })] } })
  t.match(await find(holders, directory), [{ mountpoint: '/data', deleted: true }])
})

t.test('processes of one namespace are one holder', async (t) => {
  const process = { namespace: 2, mounts: [mount('/data')] }
  const { holders } = fakeProc(t, { '7': process, '8': process, '9': process })
  t.match(await find(holders, disk), [{ pid: 7 }])
  t.equal((await find(holders, disk)).length, 1)
})

t.test('a process with another root does not hide what the others of its namespace see', async (t) => {
  const { holders } = fakeProc(t, {
    '7': { namespace: 2, root: '/var/empty', mounts: [] },
    '8': { namespace: 2, mounts: [mount('/data')] },
  })
  t.match(await find(holders, disk), [{ pid: 8, mountpoint: '/data' }])
})

t.test('a mount that two views of a namespace show is one holder', async (t) => {
  const { holders } = fakeProc(t, {
    '7': { namespace: 2, root: '/jail', mounts: [mount('/data')] },
    '8': { namespace: 2, mounts: [mount('/jail/data')] },
  })
  t.strictSame(
    (await find(holders, disk)).map(({ pid }) => pid),
    [7],
  )
})

t.test('a thread with a namespace of its own is found', async (t) => {
  const { holders } = fakeProc(t, {
    '7': { namespace: 1, threads: { '70': { namespace: 1 }, '71': { namespace: 9, mounts: [mount('/tmp/copy')] } } },
  })
  t.match(await find(holders, disk), [{ pid: 7, namespace: 'mnt:[9]', mountpoint: '/tmp/copy' }])
})

t.test('processes that vanish during the scan are skipped, and others of their namespace are read', async (t) => {
  const { holders, root } = fakeProc(t, {
    '7': { namespace: 2 },
    '8': { namespace: 2, mounts: [mount('/data')] },
  })
  rmSync(join(root, '9'), { recursive: true, force: true })
  mkdirSync(join(root, '9'))
  t.match(await find(holders, disk), [{ pid: 8 }])
})

t.test('a /proc that cannot be read is not an empty answer', async (t) => {
  const missing = new MountHolders(join(tmpdir(), 'convoy-no-such-proc'))
  await t.rejects(find(missing, disk), { code: 'unavailable' })
  const empty = mkdtempSync(join(tmpdir(), 'convoy-proc-'))
  t.teardown(() => rmSync(empty, { recursive: true }))
  await t.rejects(find(new MountHolders(empty), disk), { code: 'unavailable' })
})

t.test('without a namespace of our own there is no answer', async (t) => {
  const { holders, root } = fakeProc(t, {})
  rmSync(join(root, '500/ns/mnt'))
  await t.rejects(find(holders, disk), { code: 'unavailable' })
})

t.test('a table that cannot be read for want of descriptors or memory is not an empty answer', async (t) => {
  const { holders, root } = fakeProc(t, { '7': { namespace: 2 } })
  // EISDIR stands for whatever does not mean that the process is gone.
  mkdirSync(join(root, '7/task/7/mountinfo'))
  await t.rejects(find(holders, disk), { code: 'unavailable' })
})

/** How often the event loop comes round while `work` is done. */
async function turnsDuring(work: Promise<unknown>): Promise<number> {
  let turns = 0
  let isDone = false
  const count = () => {
    turns += 1
    if (!isDone) setImmediate(count)
  }
  setImmediate(count)
  await work
  isDone = true
  return turns
}

t.test('a long table is read whole and leaves the event loop its turns', async (t) => {
  const mounts = Array.from({ length: 50_000 }, (_, index) => mount(`/other${index}`, { device: '8:1', id: index }))
  const held = Array.from({ length: 5000 }, (_, index) => mount(`/held/é${index}`, { id: 100_000 + index }))
  const { holders } = fakeProc(t, { '7': { namespace: 2, mounts: [...mounts, ...held] } })
  const finding = find(holders, disk)
  const turns = await turnsDuring(finding)
  t.ok(turns >= 4, `${turns} turns`)
  t.strictSame(
    (await finding).map(({ mountpoint }) => mountpoint),
    held.map((_, index) => `/held/é${index}`),
  )
})

t.test('many processes leave the event loop its turns', async (t) => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`${1000 + index}`, { namespace: 1 }]))
  const { holders } = fakeProc(t, many)
  const turns = await turnsDuring(find(holders, disk))
  t.ok(turns >= 3, `${turns} turns`)
})

t.test('every namespace is seen only from the initial pid namespace and with CAP_SYS_PTRACE', async (t) => {
  const cases = [
    { namespace: 'pid:[4026531836]', status: 'CapEff:\t000001ffffffffff\n', sees: true },
    { namespace: 'pid:[4026531836]', status: 'CapEff:\t0000000000080000\n', sees: true },
    { namespace: 'pid:[4026532300]', status: 'CapEff:\t000001ffffffffff\n', sees: false },
    { namespace: 'pid:[4026531836]', status: 'CapEff:\t00000000a80425fb\n', sees: false },
    { namespace: 'pid:[4026531836]', status: '', sees: false },
  ]
  for (const { namespace, status, sees } of cases) {
    const { holders, root } = fakeProc(t, {})
    const self = join(root, 'self')
    symlinkSync(namespace, join(self, 'ns/pid'))
    writeFileSync(join(self, 'status'), `Name:\tnode\n${status}`)
    t.equal(holders.seesEveryNamespace(), sees)
  }
  t.equal(fakeProc(t, {}).holders.seesEveryNamespace(), false)
})

t.test('the real /proc shows our own mounts', async (t) => {
  const { device, root } = locate(await readMountTable(), '/proc')
  const found = await find(new MountHolders(), { kind: 'directory', device, root })
  t.ok(found.some((holder) => holder.isOwnNamespace && holder.pid === process.pid && holder.mountpoint === '/proc'))
})

t.test(
  'what a copy lies on is found, however far off in the table it is; of directories it is not looked for',
  async (t) => {
    const line = (id: number, parent: number, device: string, at: string) =>
      `${id} ${parent} ${device} / ${at} rw shared:${id} master:1 - ext4 /dev/sdb rw`
    const far = Array.from({ length: 2000 }, (_, index) =>
      mount(`/elsewhere/${index}`, { device: '8:1', id: 1000 + index }),
    )
    const mounts = [line(10, 1, '8:2', '/var'), ...far, line(20, 10, '8:16', '/var/pg')]
    const { holders } = fakeProc(t, { '7': { namespace: 2, mounts } }, [line(30, 1, '8:16', '/own')])
    const found = await find(holders, disk)
    t.match(found, [
      { isOwnNamespace: true },
      { pid: 7, propagated: { entry: { mountId: 20, masterGroup: 1 }, parent: { mountId: 10, mountpoint: '/var' } } },
    ])
    t.notOk('propagated' in found[0]!, 'our own is no copy')
    const [, ofDirectory] = await find(holders, { kind: 'directory', device: '8:16', root: '/' })
    t.match(ofDirectory, { pid: 7 })
    t.notOk('propagated' in ofDirectory!)
  },
)
