import { availableParallelism } from 'node:os'
import { ConvoyError, toConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { openBackupTree } from '../backup-tree.js'
import type { OnProgress } from '../progress.js'
import type { Repository } from '../repository.js'
import { planRestoreMemory } from './restore-memory.js'
import { RestorePlace } from './restore-place.js'
import { restorePolicy } from './restore-policy.js'
import { type RestoreProblem, RestoreReport } from './restore-report.js'
import { RestoreTree } from './restore-tree.js'

export interface RestoreRequest {
  readonly volume: string
  readonly name: string
  /** Must not exist, or be an empty directory. */
  readonly to: string
  /** Files, and directories with all that is in them, as `parseTreePath` gives them. The whole tree when there are none. */
  readonly paths?: readonly Buffer[]
  /** Makes device nodes, which takes root. */
  readonly devices: boolean
  /** Setuid and setgid bits: only root may keep them. */
  readonly setuid?: 'keep' | 'drop'
  /** Restores what is healthy when something is damaged. Without it nothing is restored then. */
  readonly keepHealthy: boolean
  /** About what the process may take at most: the less, the slower. */
  readonly limitMemoryBytes?: number
}

export interface RestoreSummary {
  readonly target: string
  readonly files: number
  readonly directories: number
  readonly others: number
  readonly bytes: number
  /** Read from the repository. */
  readonly storedBytes: number
  /** The first thousand of `problemCount`. */
  readonly problems: readonly RestoreProblem[]
  readonly problemCount: number
  /** Whether files have the owners that they had. */
  readonly hasOwners: boolean
}

export interface RestoreDeps {
  readonly onProgress?: OnProgress
  /** Who is not root keeps everything that is restored. By default that of this process. */
  readonly isRoot?: boolean
  /** At most so many. By default one for each processor, up to four. */
  readonly threads?: number
}

/**
 * Restores a backup, or some paths of it, to a fresh place: all of it is there when this resolves, and durable, or nothing is.
 * ConvoyError `damaged` names the files that cannot be restored; `already-exists`, `not-found`, `unsupported` and `unavailable` say
 * what is wrong with the place or the backup.
 */
export async function restore(
  repository: Repository,
  request: RestoreRequest,
  deps: RestoreDeps,
  call: CallContext,
): Promise<RestoreSummary> {
  const place = RestorePlace.open(request.to)
  try {
    const summary = await restoreInto(place, { repository, request, deps }, call)
    place.commit()
    place.close()
    return summary
  } catch (thrown) {
    throw await place.discard(toConvoyError(thrown))
  }
}

interface RestoreWhat {
  readonly repository: Repository
  readonly request: RestoreRequest
  readonly deps: RestoreDeps
}

async function restoreInto(
  place: RestorePlace,
  { repository, request, deps }: RestoreWhat,
  call: CallContext,
): Promise<RestoreSummary> {
  const { isRoot = process.geteuid?.() === 0, threads = availableParallelism(), onProgress } = deps
  const { paths = [], devices, setuid = 'keep', limitMemoryBytes } = request
  const tree = await openBackupTree(repository, request, call)
  const { files: filesTotal, bytes: bytesTotal } = tree.record.stats
  const report = new RestoreReport(paths.length === 0 ? { filesTotal, bytesTotal } : {}, onProgress)
  const options = restorePolicy(isRoot, setuid)
  const makesDevices = devices && isRoot
  const memory = planRestoreMemory(threads, limitMemoryBytes)
  const restoring = new RestoreTree(
    { repository, tree, paths, options, makesDevices, memory, report, root: place.root },
    call,
  )
  await restoring.restoreContents()
  refuseDamage(report, request)
  await restoring.restoreOthers()
  refuseDamage(report, request)
  report.tell('finish')
  const { files, directories, others, bytes, storedBytes, problems, problemCount } = report
  return {
    target: place.target,
    files,
    directories,
    others,
    bytes,
    storedBytes,
    problems,
    problemCount,
    hasOwners: isRoot,
  }
}

const shownPaths = 20

function refuseDamage(report: RestoreReport, { name, keepHealthy }: RestoreRequest): void {
  if (report.damagedCount === 0 || keepHealthy) return
  const damagedOnes = report.problems.filter(({ code }) => code === 'damaged')
  const shown = damagedOnes.slice(0, shownPaths).map(({ path, message }) => `${path}: ${message}`)
  const more = report.damagedCount - shown.length
  const list = [...shown, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
  throw new ConvoyError('damaged', `backup ${name} is damaged, and nothing was restored: ${list}`, {
    hint: 'restore the rest with --keep-healthy, or another backup; convoy repository repair says what can be healed',
  })
}
