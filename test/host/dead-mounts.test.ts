import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { type DeadMountsDeps, findDeadMounts } from '../../src/host/dead-mounts.js'
import type { MountHolder } from '../../src/host/mount-holders.js'
import { parseMountTable } from '../../src/host/mount-table.js'

const table = parseMountTable(`1 0 8:1 / / rw - ext4 /dev/sda rw
2 1 0:50 / /var/lib/convoy/shares/a rw - nfs4 nas:/a rw
3 1 0:51 / /mnt rw - nfs nas:/b rw
4 1 0:52 / /home rw - nfs nas:/home rw
`)
const container = 'c'.repeat(64)
const holder = (pid: number, mountpoint: string): MountHolder => {
  return { pid, mountpoint, namespace: `mnt:[${pid}]`, isOwnNamespace: false, deleted: false }
}

/** What each path ends with when it is asked; all others answer. */
function deps(answers: Readonly<Record<string, 'stale' | 'silent'>>): DeadMountsDeps & { readonly asked: string[] } {
  const holders: Readonly<Record<string, readonly MountHolder[]>> = {
    'nas:/a': [holder(7, '/data'), holder(8, '/v'), { ...holder(9, '/var/lib/convoy/shares/a'), isOwnNamespace: true }],
    'nas:/b': [holder(10, '/b')],
    'nas:/home': [holder(11, '/home')],
  }
  const asked: string[] = []
  return {
    asked,
    holders: {
      findEach: async (targets) =>
        targets.map((target) => (target.kind === 'remote' ? (holders[target.source] ?? []) : [])),
      commandOf: (pid) => `command-${pid}`,
    },
    readTable: async () => table,
    run: async (_, args) => {
      const path = args.at(-1) ?? ''
      asked.push(path)
      if (answers[path] === 'silent') throw new ConvoyError('deadline-exceeded', 'stat did not end within 5000 ms')
      const stderr = answers[path] === 'stale' ? `stat: cannot read '${path}': Stale file handle` : ''
      return { exitCode: stderr === '' ? 0 : 1, stdout: '', stderr }
    },
    readGroup: (pid) => (pid === 7 ? `0::/system.slice/docker-${container}.scope\n` : '0::/init.scope\n'),
  }
}

const paths = ['/var/lib/convoy/shares', '/mnt/volumes']

t.test('NF08 a mount that the server no longer knows is found, in a container and elsewhere', async (t) => {
  const answers = { '/proc/7/root/data': 'stale', '/proc/10/root/b': 'stale', '/proc/11/root/home': 'stale' } as const
  t.strictSame(await findDeadMounts(paths, deps(answers)), [
    { source: 'nas:/a', mountpoint: '/data', pid: 7, command: 'command-7', container },
    { source: 'nas:/b', mountpoint: '/b', pid: 10, command: 'command-10', container: undefined },
  ])
})

t.test('a mount that is silent is dead only where the share itself answers', async (t) => {
  const silent = { '/proc/8/root/v': 'silent' } as const
  t.match(await findDeadMounts(paths, deps(silent)), [{ pid: 8 }])
  t.strictSame(await findDeadMounts(paths, deps({ ...silent, '/var/lib/convoy/shares/a': 'silent' })), [])
})

t.test('a share that nobody holds is not asked, and what is no share of ours neither', async (t) => {
  const system = deps({})
  t.strictSame(
    await findDeadMounts(['/mnt'], { ...system, holders: { ...system.holders, findEach: async () => [[]] } }),
    [],
  )
  t.strictSame(system.asked, [])
})
