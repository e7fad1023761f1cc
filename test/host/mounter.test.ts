import { chmodSync, existsSync, lstatSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { runProgram } from '../../src/host/exec.js'
import type { MountEntry } from '../../src/host/mount-table.js'
import { SystemMounter, type MountRequest } from '../../src/host/mounter.js'
import type { CallContext } from '../../src/model/call-context.js'

type Answer =
  'works' | 'busy' | 'hangs' | 'hangs but works' | 'says nothing' | 'fails but works' | { readonly stderr: string }

/** mount(8), umount(8) and the kernel's table, as far as the mounter can tell. */
class FakeSystem {
  readonly calls: (readonly string[])[] = []
  readonly table: MountEntry[] = []
  readonly answers: Answer[] = []
  /** Called before a program acts. */
  onRun: () => void = () => undefined
  #ids = 100

  add(mountpoint: string, source: string, fsType: string, device = '8:16'): void {
    const below = this.table.findLast((entry) => entry.mountpoint === mountpoint)
    const common = { root: '/', deleted: false, options: [], superOptions: [] }
    const ids = { mountId: (this.#ids += 1), parentId: below?.mountId ?? 1 }
    this.table.push({ ...common, ...ids, device, mountpoint, source, fsType })
  }

  readonly run: typeof runProgram = async (program, args, { timeoutMs }) => {
    this.calls.push([program, ...args])
    this.onRun()
    const answer = this.answers.shift() ?? 'works'
    if (answer === 'works' || answer === 'hangs but works' || answer === 'fails but works') this.#act(program, args)
    if (answer === 'hangs' || answer === 'hangs but works') {
      throw new ConvoyError('deadline-exceeded', `${program} did not end within ${timeoutMs} ms`)
    }
    const result = { exitCode: 32, stdout: '', stderr: '' }
    if (answer === 'works' || answer === 'says nothing') return { ...result, exitCode: 0 }
    if (answer === 'busy') return { ...result, stderr: `${program}: ${args.at(-1) ?? ''}: target is busy.\n` }
    return answer === 'fails but works' ? result : { ...result, stderr: answer.stderr }
  }

  #act(program: string, args: readonly string[]): void {
    const mountpoint = args.at(-1) ?? ''
    const index = this.table.findLastIndex((entry) => entry.mountpoint === mountpoint)
    if (program === 'mount') this.add(mountpoint, args.at(-2) ?? '', args[1] ?? '')
    else if (index !== -1) this.table.splice(index, 1)
  }
}

const proxied = { shownAs: /^127\.0\.0\.1:\/$/, source: 'fs-0123456789abcdef0:/', fsType: 'ceph' } as const

/** Of a disk that the kernel has no longer. */
const goneDisk = '259:77'

function entry(mountpoint: string, device: string): MountEntry {
  const ids = { mountId: 1, parentId: 0, root: '/', deleted: false, options: [], superOptions: [] }
  return { ...ids, device, mountpoint, fsType: 'ext4', source: '/dev/x' }
}

function setUp(t: Test) {
  const system = new FakeSystem()
  const mountpoint = join(t.testdir({ mnt: {} }), 'mnt/deep/vol1')
  const isDiskThere = (device: string) => device !== goneDisk
  const mounter = new SystemMounter({ run: system.run, readTable: async () => [...system.table], isDiskThere })
  const request: MountRequest = { source: '/dev/sdb', fsType: 'ext4', options: ['noatime', 'suid_x'], mountpoint }
  const logged: string[] = []
  const log = (_: object, message: string) => void logged.push(message)
  const call: CallContext = {
    signal: new AbortController().signal,
    log: { debug: () => undefined, info: log, warn: log, error: log },
  }
  return { system, mounter, mountpoint, request, call, logged }
}

t.test('mount runs mount(8) with forced options last and operands behind --', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  t.strictSame(system.calls, [
    ['mount', '-t', 'ext4', '-o', 'noatime,suid_x,nosuid,nodev', '--', '/dev/sdb', mountpoint],
  ])
  t.match((await mounter.mountsBelow(mountpoint)).at(-1), { source: '/dev/sdb', fsType: 'ext4' })
})

t.test('while nothing is mounted, nobody but root can write below the mountpoint', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.onRun = () => t.equal(lstatSync(mountpoint).mode & 0o7777, 0)
  await mounter.mount(request, call)
  t.equal(statSync(join(mountpoint, '..')).mode & 0o7777, 0o700, 'a missing parent')
  const other = join(mountpoint, '../vol2')
  mkdirSync(other, { mode: 0o777 })
  system.onRun = () => t.equal(lstatSync(other).mode & 0o7777, 0, 'a directory that was there')
  await mounter.mount({ ...request, mountpoint: other }, call)
  t.plan(3)
})

t.test('a mount that is there already is done, and the mountpoint is not touched', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.add(mountpoint, '/dev/sdb', 'ext4')
  await mounter.mount(request, call)
  t.strictSame(system.calls, [])
  t.notOk(existsSync(mountpoint))
})

t.test('the kernel may name type and source differently', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  const nfs = { ...request, fsType: 'nfs', source: 'server:/export/' }
  system.add(mountpoint, 'server:/export', 'nfs4')
  await mounter.mount(nfs, call)
  await mounter.mount({ ...nfs, fsType: 'nfs4', source: 'server:/export' }, call)
  await t.rejects(mounter.mount({ ...nfs, source: 'server:/' }, call), { code: 'in-use' })
  await t.rejects(mounter.mount({ ...nfs, source: 'server:/export2' }, call), { code: 'in-use' })
  await t.rejects(mounter.mount({ ...nfs, fsType: 'ext4' }, call), { code: 'in-use' })
  t.strictSame(system.calls, [])
})

t.test('a device is the same by whatever path in /dev', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.add(mountpoint, '/dev/other-name', 'ext4', '1:3')
  await mounter.mount({ ...request, source: '/dev/null' }, call)
  await t.rejects(mounter.mount({ ...request, source: '/dev/zero' }, call), { code: 'in-use' })
  t.strictSame(system.calls, [])
})

t.test('what else is mounted there is not covered', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.add(mountpoint, '/dev/sdc', 'ext4')
  await t.rejects(mounter.mount(request, call), { code: 'in-use', message: /\/dev\/sdc \(ext4\) mounted/ })
  system.add(mountpoint, '/dev/sdb', 'xfs')
  await t.rejects(mounter.mount(request, call), { code: 'in-use' })
  t.strictSame(system.calls, [])
})

for (const answer of ['hangs but works', 'fails but works'] as const) {
  t.test(`a mount that ${answer} is adopted`, async (t) => {
    const { system, mounter, request, call } = setUp(t)
    system.answers.push(answer)
    await mounter.mount(request, call)
    t.equal(system.calls.length, 1)
  })
}

t.test('a mount that says it worked but is not in the table has failed', async (t) => {
  const { system, mounter, request, call } = setUp(t)
  system.answers.push('says nothing')
  await t.rejects(mounter.mount(request, call), { code: 'internal', message: /mount table does not show it/ })
})

t.test('a failed mount says why, and the same call can succeed later', async (t) => {
  const { system, mounter, request, call } = setUp(t)
  const dmesg = '       dmesg(1) may have more information after failed mount system call.\n'
  const failures = [
    [`mount: /m: special device /dev/sdb does not exist.\n${dmesg}`, 'unavailable', /special device/],
    [`mount: /m: unknown filesystem type 'ext5'.\n${dmesg}`, 'unsupported', /unknown filesystem type/],
    [`mount: /m: wrong fs type, bad option, bad superblock on /dev/sdb.\n${dmesg}`, 'invalid-argument', /bad option/],
    [`mount: /m: /dev/sdb already mounted or mount point busy.\n${dmesg}`, 'in-use', /busy/],
    ['mount.nfs: Connection timed out\n', 'unavailable', /timed out/],
    ['', 'unavailable', /exit code 32/],
  ] as const
  for (const [stderr, code, message] of failures) {
    system.answers.push({ stderr })
    await t.rejects(mounter.mount(request, call), { code, message })
  }
  system.answers.push('hangs')
  await t.rejects(mounter.mount(request, call), { code: 'deadline-exceeded', message: /cannot mount \/dev\/sdb/ })
  await mounter.mount(request, call)
})

t.test('what cannot be a mount is refused before anything happens', async (t) => {
  const { system, mounter, request, call, mountpoint } = setUp(t)
  const requests: readonly Partial<MountRequest>[] = [
    { options: ['noatime,suid'] },
    { options: ['X-mount.mkdir'] },
    { fsType: 'auto' },
    { fsType: 'ext4,xfs' },
    { fsType: 'noext4' },
    { fsType: '-o' },
    { source: '' },
    { source: '/dev/sd b' },
    { source: 'a\nb' },
    { mountpoint: 'relative' },
    { mountpoint: '/a/../b' },
  ]
  for (const wrong of requests) {
    await t.rejects(mounter.mount({ ...request, ...wrong }, call), { code: 'invalid-argument' }, JSON.stringify(wrong))
  }
  await t.rejects(mounter.unmount('-a', call), { code: 'invalid-argument' })
  t.strictSame(system.calls, [])
  t.notOk(existsSync(mountpoint))
})

t.test('a type whose mount program is missing is unsupported, with the package to install', async (t) => {
  const { system, mounter, request, call } = setUp(t)
  await t.rejects(mounter.mount({ ...request, fsType: 'efs', source: 'fs-1:/' }, call), {
    code: 'unsupported',
    hint: /amazon-efs-utils/,
  })
  t.strictSame(system.calls, [])
})

t.test('a mountpoint that is a link, or behind one, is refused', async (t) => {
  const { system, mounter, request, call } = setUp(t)
  const link = join(t.testdir({ target: {} }), 'link')
  symlinkSync('target', link)
  await t.rejects(mounter.mount({ ...request, mountpoint: link }, call), { code: 'unavailable' })
  await t.rejects(mounter.mount({ ...request, mountpoint: join(link, 'vol1') }, call), {
    code: 'unavailable',
    message: /symbolic link/,
  })
  t.strictSame(system.calls, [])
})

t.test('unmount removes the mount, then the directory', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.strictSame(system.calls.at(-1), ['umount', '-i', '-c', '--', mountpoint])
  t.notOk(existsSync(mountpoint))
  t.same(await mounter.mountsBelow(mountpoint), [])
})

t.test('unmount of what is not mounted is done', async (t) => {
  const { system, mounter, mountpoint, call, logged } = setUp(t)
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.strictSame(system.calls, [])
  t.strictSame(logged, [])
})

t.test('unmount is judged by the table: an exit code is believed neither way', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('says nothing')
  await t.rejects(mounter.unmount(mountpoint, call), { code: 'internal' })
  t.ok(existsSync(mountpoint), 'the directory stays while it is mounted')
  system.answers.push('fails but works')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.notOk(existsSync(mountpoint))
})

t.test('mounts on one path are unwound by their exact count', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.add(mountpoint, '/dev/sdc', 'ext4')
  system.add(mountpoint, '/dev/sdd', 'ext4')
  await mounter.unmount(mountpoint, call)
  t.equal(system.calls.filter(([program]) => program === 'umount').length, 3)
})

t.test('what somebody mounts during unmount is left, and reported', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('works', 'works')
  let others = 0
  const readTable = async () => {
    if (system.calls.at(-1)?.[0] === 'umount' && (others += 1) === 2) system.add(mountpoint, '/dev/sdx', 'ext4')
    return [...system.table]
  }
  const racing = new SystemMounter({ run: system.run, readTable })
  await t.rejects(racing.unmount(mountpoint, call), { code: 'in-use', message: /mounted again/ })
  t.equal(system.calls.filter(([program]) => program === 'umount').length, 1)
})

t.test('a busy mount stays, with the reason', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('busy')
  await t.rejects(mounter.unmount(mountpoint, call), { code: 'in-use', message: /it is busy/, hint: /fuser/ })
  t.equal(system.table.length, 1)
  t.equal(system.calls.length, 2, 'nothing lazy happens to a file system that answers')
})

t.test('a mount that hangs is detached lazily, and the result says so', async (t) => {
  const { system, mounter, mountpoint, request, call, logged } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('hangs')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: true })
  t.strictSame(system.calls.at(-1), ['umount', '-l', '-i', '-c', '--', mountpoint])
  t.equal(logged.at(-1), 'a mount is out of sight; its file system lives on until nobody uses it')
})

const nfsWays: readonly {
  readonly name: string
  readonly fsType: string
  readonly answers: readonly Answer[]
  readonly ways: readonly (readonly string[])[]
}[] = [
  { name: 'of NFS 4 that lets itself be unmounted', fsType: 'nfs4', answers: [], ways: [[]] },
  { name: 'of NFS 4 that hangs but goes', fsType: 'nfs4', answers: ['hangs but works'], ways: [[]] },
  { name: 'of NFS 4 that hangs', fsType: 'nfs4', answers: ['hangs'], ways: [[], ['-f']] },
  {
    name: 'of NFS 4 that even forcibly hangs',
    fsType: 'nfs4',
    answers: ['hangs', 'hangs'],
    ways: [[], ['-f'], ['-l']],
  },
  // The server answers: what others wait for on the same file system may not fail.
  { name: 'of NFS 4 that is in use', fsType: 'nfs4', answers: ['busy'], ways: [[], ['-l']] },
  { name: 'of NFS 3', fsType: 'nfs', answers: [], ways: [['-l']] },
  { name: 'of a disk that hangs', fsType: 'ext4', answers: ['hangs'], ways: [[], ['-l']] },
]
for (const { name, fsType, answers, ways } of nfsWays) {
  t.test(`NF07 a mount ${name} is abandoned step by step, and each is in the log`, async (t) => {
    const { system, mounter, mountpoint, call } = setUp(t)
    const tried: unknown[] = []
    const note = (fields: object, message: string) => {
      if (message === 'unmounting was tried') tried.push(fields)
    }
    system.add(mountpoint, 'nas:/exports', fsType)
    system.answers.push(...answers)
    await mounter.abandon(mountpoint, { ...call, log: { ...call.log, debug: note, warn: note } })
    t.strictSame(
      system.calls,
      ways.map((flags) => ['umount', ...flags, '-i', '-c', '--', mountpoint]),
    )
    t.match(
      tried,
      ways.map((flags, index) => ({
        way: ['umount', ...flags].join(' '),
        isGone: index === ways.length - 1,
        ms: Number,
      })),
    )
    t.strictSame(system.table, [])
  })
}

t.test('NF07 a mount of NFS that hangs is unmounted forcibly before lazily', async (t) => {
  const { system, mounter, mountpoint, call } = setUp(t)
  system.add(mountpoint, 'nas:/exports', 'nfs4')
  system.answers.push('hangs')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.strictSame(system.calls.at(-1)?.slice(0, 2), ['umount', '-f'])
})

t.test('an unmount that hangs but gets through is no lazy one', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('hangs but works')
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
})

t.test('a mount that even lazily does not go is reported', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('hangs', 'hangs')
  await t.rejects(mounter.unmount(mountpoint, call), { code: 'deadline-exceeded' })
})

t.test('a caller that gives up causes no lazy unmount', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await mounter.mount(request, call)
  system.answers.push('hangs')
  await t.rejects(mounter.unmount(mountpoint, { ...call, signal: AbortSignal.abort() }), { code: 'deadline-exceeded' })
  t.equal(system.table.length, 1)
  t.equal(system.calls.length, 2)
})

t.test('a mountpoint directory that is not empty is kept, and the log says so', async (t) => {
  const { system, mounter, mountpoint, request, call, logged } = setUp(t)
  await mounter.mount(request, call)
  system.onRun = () => {
    chmodSync(mountpoint, 0o700)
    writeFileSync(join(mountpoint, 'data'), 'x')
  }
  t.strictSame(await mounter.unmount(mountpoint, call), { lazily: false })
  t.ok(existsSync(mountpoint))
  t.strictSame(logged, ['mountpoint directory stays'])
})

t.test(
  'a helper that mounts by way of another address has mounted; what only looks similar is not taken for it',
  async (t) => {
    const { system, mounter, mountpoint, call } = setUp(t)
    const request = { ...proxied, options: [], mountpoint }
    system.onRun = () => system.add(mountpoint, '127.0.0.1:/', 'nfs4')
    system.answers.push('fails but works')
    system.add(mountpoint, '127.0.0.1:/', 'nfs4')
    await mounter.mount(request, call)
    for (const [source, fsType] of [
      ['127.0.0.1:/other', 'nfs4'],
      ['127.0.0.1:/', 'ext4'],
      ['fs-0123456789abcdef0:/', 'nfs4'],
    ] as const) {
      system.table.length = 0
      system.add(mountpoint, source, fsType)
      await t.rejects(mounter.mount(request, call), { code: 'in-use' }, source)
    }
    system.table.length = 0
    system.answers.length = 0
    system.answers.push('says nothing')
    await mounter.mount(request, call)
    t.equal(system.table.length, 1)
  },
)

t.test(
  'EB36 a mount whose disk has gone makes room for the disk that is asked for, and is left to who has it',
  async (t) => {
    const { system, mounter, mountpoint, request, call, logged } = setUp(t)
    system.add(mountpoint, '/dev/sdb', 'ext4', goneDisk)
    t.match(await mounter.lostBelow(mountpoint), [{ mountpoint, device: goneDisk }])
    system.answers.push('busy')
    await mounter.mount({ ...request, device: '8:16' }, call)
    t.match(system.table, [{ mountpoint, device: '8:16' }])
    t.match(
      system.calls.map(([program, flag]) => `${program ?? ''} ${flag ?? ''}`),
      ['umount -i', 'umount -l', 'mount -t'],
    )
    t.ok(logged.includes('the disk of a mount has gone: the mount makes room'))
    t.same(await mounter.lostBelow(mountpoint), [])
  },
)

t.test('EB36 only what is mounted at that very place makes room, and only if its disk has gone', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.add(`${mountpoint}/below`, '/dev/sdx', 'ext4', goneDisk)
  system.add(mountpoint, '/dev/sdc', 'ext4', '8:32')
  await t.rejects(mounter.mount({ ...request, device: '8:16' }, call), { code: 'in-use', message: /\/dev\/sdc/ })
  t.same(system.calls, [])
  t.equal(system.table.length, 2)
})

t.test('EB36 what lies on no disk has none to lose', async (t) => {
  const { mountpoint } = setUp(t)
  const readTable = async () => [entry(mountpoint, '0:45'), entry(`${mountpoint}/x`, '999:9')]
  t.match(await new SystemMounter({ readTable }).lostBelow(mountpoint), [{ device: '999:9' }])
  t.same(await new SystemMounter({ readTable }).lostBelow('/elsewhere'), [])
})

t.test('EB15 a path that has become another disk by the time of the mount is unmounted again', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  await t.rejects(mounter.mount({ ...request, device: '8:99' }, call), {
    code: 'internal',
    message: '/dev/sdb is not the disk 8:99 any more: it was unmounted again',
  })
  t.same(system.table, [])
  t.notOk(existsSync(mountpoint))
  await mounter.mount({ ...request, device: '8:16' }, call)
  t.match(system.table, [{ device: '8:16' }])
})

t.test('EB15 a mount that is there already is that of the disk only if its number is', async (t) => {
  const { system, mounter, mountpoint, request, call } = setUp(t)
  system.add(mountpoint, '/dev/sdb', 'ext4', '8:32')
  await t.rejects(mounter.mount({ ...request, device: '8:16' }, call), { code: 'in-use' })
  await mounter.mount({ ...request, source: '/dev/sdz', device: '8:32' }, call)
  t.same(system.calls, [])
  t.match(system.table, [{ device: '8:32' }])
})
