import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { codeOf, ConvoyError, toConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import type { VolumeName } from '../../model/volume-name.js'
import { planMemory } from './backup-memory.js'
import { findParentRecord } from './backup-parent.js'
import { BackupProblems } from './backup-problems.js'
import { BackupProgress } from './backup-progress.js'
import { type BackupRecord, recordKey } from '../format/backup-record.js'
import { BackupRun, type BackupRunDeps, type StoredTree } from './backup-run.js'
import { openSource } from './backup-source.js'
import { commitBackup } from '../commit-backup.js'
import { Exclusion } from '../exclusion.js'
import type { IndexedPack } from '../format/index-segment.js'
import { Lease, type LeaseDeps } from '../lease.js'
import { PackUploads } from './pack-uploads.js'
import type { OnProgress } from '../progress.js'
import type { Repository } from '../repository.js'
import { RepositoryIndex } from '../repository-index.js'
import { TreeWalk, type TreeWalkDeps } from './tree-walk.js'

export interface BackupRequest {
  /** The directory. */
  readonly path: string
  readonly volume: VolumeName
  /** Patterns as in a `.gitignore` at the root. */
  readonly excludes: readonly string[]
  readonly tags: readonly string[]
  /** The backup of the same volume to compare with; the newest unless told. */
  readonly parent?: string | undefined
  /** Where the repository lies, when that is a directory of this host. */
  readonly destinationPath?: string | undefined
  readonly limitMemoryBytes?: number | undefined
  readonly compressionLevel?: number | undefined
}

export interface BackupDeps extends LeaseDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number
  /** Program and version, for the record. */
  readonly tool: string
  readonly onProgress?: OnProgress | undefined
}

export interface BackupSummary {
  readonly record: BackupRecord
}

/** How long a backup that was stopped goes on to store what it has. */
const graceMs = 60_000

/** Of zstd. A third faster than 3, for one to five parts in a hundred more: compression is most of the work. */
const defaultCompressionLevel = 2

/** For what describes files, before the first thread asks for more. */
const spareChunks = 4096

/**
 * Backs a directory up. Nothing of the backup is visible before all of it is stored; after a failure, a crash or a stop the next one
 * stores nothing again that has arrived. What cannot be read is in the record's problems. ConvoyError `invalid-argument` or `not-found`
 * for a path that is none, `unavailable` when it was stopped, or what the store says.
 */
export async function backup(
  repository: Repository,
  request: BackupRequest,
  deps: BackupDeps,
  call: CallContext,
): Promise<BackupSummary> {
  const problems = new BackupProblems()
  const exclusion = new Exclusion(request.excludes)
  const walk = openWalk(request, {
    isExcluded: (path, isDirectory) => exclusion.isExcluded(path, isDirectory),
    onProblem: (path, thrown) => problems.addFailure(path, thrown),
  })
  try {
    const name = `backup-${randomBytes(8).toString('hex')}`
    const { volume } = request
    const claim = { mode: 'write', operation: `backup of ${volume}`, record: recordKey(volume, name) } as const
    // Before the index is loaded: from here on no prune removes what is in it.
    const lease = await Lease.take(repository, claim, deps, call)
    try {
      const backup = new Backup({ ...deps, repository, request, walk, problems, lease })
      const record = await backup.store(name, call)
      await commitBackup(repository, record, lease, call)
      return { record }
    } finally {
      await lease.release()
    }
  } catch (thrown) {
    if (call.signal.aborted) throw stopped(request.volume, thrown)
    throw thrown
  } finally {
    walk.close()
  }
}

function openWalk(request: BackupRequest, deps: TreeWalkDeps): TreeWalk {
  const root = openSource(request.path, request.destinationPath)
  try {
    return new TreeWalk(root, deps)
  } catch (cause) {
    root.release()
    throw new ConvoyError('invalid-argument', `${request.path} cannot be read: ${codeOf(cause)}`, { cause })
  }
}

interface OwnDeps extends BackupDeps {
  readonly repository: Repository
  readonly request: BackupRequest
  readonly walk: TreeWalk
  readonly problems: BackupProblems
  readonly lease: Lease
}

/** One backup, up to its record. */
class Backup {
  readonly #deps: OwnDeps
  /** Of what goes on when the caller's signal has aborted: packs that are on their way. */
  readonly #over = new AbortController()

  constructor(deps: OwnDeps) {
    this.#deps = deps
  }

  async store(name: string, call: CallContext): Promise<BackupRecord> {
    const { repository, request } = this.#deps
    const index = await RepositoryIndex.load(repository, { purpose: 'write', spareChunks }, call)
    const adopted = await index.adoptOrphans(repository, call)
    index.reserve(spareChunks)
    const parent = await findParentRecord(repository, request, call)
    const ownCall = { signal: this.#over.signal, log: call.log }
    const uploads = new PackUploads(
      { repository, onFailure: (failure) => run.stop(failure), onStored: () => run.tellProgress() },
      ownCall,
    )
    const run: BackupRun = this.#openRun({ index, uploads, parent })
    const beganAtMs = this.#deps.now()
    const stored = await this.#finishOrKeep(run, { uploads, adopted }, call)
    return this.#recordOf(stored, { name, beganAtMs, parent: parent?.name })
  }

  #openRun(deps: Pick<BackupRunDeps, 'index' | 'uploads' | 'parent'>): BackupRun {
    const { request, lease } = this.#deps
    return new BackupRun({
      ...this.#deps,
      ...deps,
      memory: planMemory(availableParallelism(), request.limitMemoryBytes),
      compressionLevel: request.compressionLevel ?? defaultCompressionLevel,
      progress: new BackupProgress(this.#deps),
      findFailure: () => lease.failure,
    })
  }

  /** Stores the tree. When that is stopped, or fails, what has been packed is stored and listed all the same. */
  async #finishOrKeep(
    run: BackupRun,
    { uploads, adopted }: { uploads: PackUploads; adopted: readonly IndexedPack[] },
    call: CallContext,
  ): Promise<StoredTree> {
    // Both at once: a store that does not answer is not waited for without end either.
    const stopping = whenAborted(call.signal, stopped(this.#deps.request.volume))
    stopping.rejected.catch((failure: unknown) => run.stop(toConvoyError(failure)))
    uploads.adopt(adopted)
    const stored = run.store(call)
    try {
      return await Promise.race([stored, stopping.rejected])
    } catch (thrown) {
      await this.#keepWhatThereIs(run, call)
      throw thrown
    } finally {
      stopping.end()
      this.#over.abort()
      await run.close()
      await uploads.settle()
      await stored.catch(() => undefined)
    }
  }

  async #keepWhatThereIs(run: BackupRun, call: CallContext): Promise<void> {
    const kept = run.finish().then(
      () => undefined,
      (reason: unknown) => toConvoyError(reason),
    )
    const late = this.#deps
      .pause(graceMs, this.#over.signal)
      .then(() => new ConvoyError('deadline-exceeded', 'it took too long'))
    const failure = await Promise.race([kept, late])
    if (failure !== undefined) call.log.warn({ error: failure.message }, 'not all that was read for a backup is stored')
  }

  #recordOf(
    { tree, stats }: StoredTree,
    { name, beganAtMs, parent }: { name: string; beganAtMs: number; parent: string | undefined },
  ): BackupRecord {
    const { request, hostName, tool, problems } = this.#deps
    const { volume, path, excludes, tags } = request
    return {
      volume,
      name,
      createdAtMs: beganAtMs,
      host: hostName,
      tool,
      path,
      tree,
      excludes,
      tags,
      stats,
      problems: problems.list,
      problemCount: problems.count,
      isComplete: problems.isComplete,
      ...optional('parent', parent),
    }
  }
}

/** A promise that rejects when the signal aborts, or has; `end` when nobody waits for it any more. */
function whenAborted(signal: AbortSignal, failure: ConvoyError): { rejected: Promise<never>; end: () => void } {
  const over = new AbortController()
  const rejected = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(failure)
    signal.addEventListener('abort', () => reject(failure), { signal: over.signal })
  })
  return { rejected, end: () => over.abort() }
}

function stopped(volume: string, cause?: unknown): ConvoyError {
  return new ConvoyError('unavailable', `the backup of ${volume} was stopped`, {
    hint: 'start it again: nothing that has been stored is stored twice',
    cause,
  })
}
