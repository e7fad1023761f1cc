import { readFileSync } from 'node:fs'
import { isConvoyError } from '../errors.js'
import { runProgram } from './exec.js'
import { type MountHolder, MountHolders } from './mount-holders.js'
import { findCovering, isBelow, isNfs, type MountEntry, readMountTable } from './mount-table.js'

/** A mount of a share, in another mount namespace, that leads nowhere although the share answers here. */
export interface DeadMount {
  readonly source: string
  /** As the process sees it. */
  readonly mountpoint: string
  readonly pid: number
  /** What the process calls itself. */
  readonly command: string
  /** Docker's id of the container that it is in. */
  readonly container: string | undefined
}

export interface DeadMountsDeps {
  readonly holders: Pick<MountHolders, 'findEach' | 'commandOf'>
  readonly readTable: () => Promise<readonly MountEntry[]>
  readonly run: typeof runProgram
  /** `/proc/<pid>/cgroup`. */
  readonly readGroup: (pid: number) => string
}

type Answer = 'answers' | 'stale' | 'silent'

const timeoutMs = 5000

const ofThisHost = (): DeadMountsDeps => ({
  holders: new MountHolders(),
  readTable: () => readMountTable(),
  run: runProgram,
  readGroup: (pid) => readFileSync(`/proc/${pid}/cgroup`, 'utf8'),
})

/** Looks at all mounts, in any process, of the shares that are mounted at these paths, below them, or that they are on. */
export async function findDeadMounts(
  paths: readonly string[],
  deps: DeadMountsDeps = ofThisHost(),
): Promise<readonly DeadMount[]> {
  const shares = sharesAt(await deps.readTable(), paths)
  const targets = shares.map(({ source }) => ({ kind: 'remote', source }) as const)
  const found = await deps.holders.findEach(targets)
  const dead = await Promise.all(shares.map((share, index) => deadOf(share, found[index] ?? [], deps)))
  return dead.flat()
}

function sharesAt(entries: readonly MountEntry[], paths: readonly string[]): readonly MountEntry[] {
  const found = paths.flatMap((path) => [
    ...entries.filter(({ mountpoint }) => isBelow(mountpoint, path)),
    ...[findCovering(entries, path)].filter((entry) => entry !== undefined),
  ])
  return [...new Map(found.filter(isNfs).map((entry) => [entry.source, entry])).values()]
}

async function deadOf(
  { source, mountpoint }: MountEntry,
  holders: readonly MountHolder[],
  deps: DeadMountsDeps,
): Promise<readonly DeadMount[]> {
  const others = holders.filter(({ isOwnNamespace }) => !isOwnNamespace)
  if (others.length === 0) return []
  const here = await ask(mountpoint, deps)
  const answers = await Promise.all(others.map((other) => ask(`/proc/${other.pid}/root${other.mountpoint}`, deps)))
  return others
    .filter((_, index) => answers[index] === 'stale' || (answers[index] === 'silent' && here === 'answers'))
    .map((other) => ({
      source,
      mountpoint: other.mountpoint,
      pid: other.pid,
      command: deps.holders.commandOf(other.pid) ?? '',
      container: containerOf(other.pid, deps),
    }))
}

/** The file system itself: the kernel knows of a directory also while a server does not answer. What has gone answers, too. */
async function ask(path: string, { run }: DeadMountsDeps): Promise<Answer> {
  try {
    const { stderr } = await run('stat', ['-f', '--', path], { timeoutMs })
    return /stale/i.test(stderr) ? 'stale' : 'answers'
  } catch (thrown) {
    if (isConvoyError(thrown, 'deadline-exceeded')) return 'silent'
    throw thrown
  }
}

function containerOf(pid: number, { readGroup }: DeadMountsDeps): string | undefined {
  try {
    return /[0-9a-f]{64}/.exec(readGroup(pid))?.[0]
  } catch {
    // It has ended.
    return undefined
  }
}
