import { EventLoopTurn } from '../../host/event-loop-turn.js'
import type { FinishOptions } from '../../host/posix-making.js'
import type { CallContext } from '../../model/call-context.js'
import type { BackupTree } from '../backup-tree.js'
import { throwIfAborted } from '../bounded-work.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { ReadingThreads } from '../reading-threads.js'
import type { Repository } from '../repository.js'
import { RepositoryIndex } from '../repository-index.js'
import type { DirectoryHandle } from '../../host/directory-handle.js'
import { RestoreContents } from './restore-contents.js'
import { RestoreDirectories } from './restore-directories.js'
import { RestoredFiles } from './restored-files.js'
import type { RestoreFailure, RestoreJob } from './restore-job.js'
import type { RestoreMemory } from './restore-memory.js'
import { RestoreOthers } from './restore-others.js'
import { RestoreReading } from './restore-reading.js'
import type { RestoreReport } from './restore-report.js'
import type { RestoreWorkerData } from './restore-worker.js'
import { showPath } from '../format/tree-path.js'
import { type OnDamagedShard, selectedBatches } from '../tree-selection.js'

const turnMs = 50

export interface RestoreTreeDeps {
  readonly repository: Repository
  readonly tree: BackupTree
  /** Everything when there are none. */
  readonly paths: readonly Buffer[]
  readonly options: FinishOptions
  readonly makesDevices: boolean
  readonly memory: RestoreMemory
  readonly report: RestoreReport
  /** Empty. */
  readonly root: DirectoryHandle
}

/** Restores a tree into an empty directory. What is damaged is told to the report and left out. */
export class RestoreTree {
  readonly #deps: RestoreTreeDeps
  readonly #call: CallContext
  readonly #lostShards = new Set<string>()
  readonly #turn = new EventLoopTurn(turnMs)

  constructor(deps: RestoreTreeDeps, call: CallContext) {
    this.#deps = deps
    this.#call = call
  }

  /** Directories and files, through the whole manifest. */
  async restoreContents(): Promise<void> {
    const { repository, tree, options, memory, report, root } = this.#deps
    const directories = new RestoreDirectories(root.retain())
    const threads = openThreads(this.#deps)
    const files = new RestoredFiles(options, report)
    const reloadIndex = () => RepositoryIndex.load(repository, { purpose: 'read' }, this.#call)
    const reading = new RestoreReading(
      { windowBytes: memory.windowBytes, repository, reloadIndex, threads, files, report },
      this.#call,
    )
    const extentsOf = (entry: ManifestEntry) => tree.manifest.extents(entry)
    const contents = new RestoreContents({ index: tree.index, extentsOf, directories, files, reading, report })
    try {
      for await (const entries of this.#batches()) {
        for (const entry of entries) {
          const wait = contents.add(entry)
          if (wait !== undefined) await wait
        }
      }
      await contents.finish()
    } finally {
      // A thread may be writing to a file until it is done or gone.
      await reading.settle()
      await threads.close()
      files.close()
      directories.close()
    }
  }

  /** All else. It reads the manifest once more, so that memory does not grow with it. */
  async restoreOthers(): Promise<void> {
    const { options, makesDevices, report, root } = this.#deps
    const directories = new RestoreDirectories(root.retain())
    const firstNames = new RestoreDirectories(root.retain())
    const others = new RestoreOthers({ directories, firstNames, options, makesDevices, report })
    try {
      for await (const entries of this.#batches()) for (const entry of entries) others.add(entry)
      others.finish()
    } finally {
      directories.close()
      firstNames.close()
    }
  }

  async *#batches(): AsyncGenerator<readonly ManifestEntry[]> {
    const { tree, paths } = this.#deps
    const selection = { tree: tree.record.tree, paths }
    for await (const entries of selectedBatches(tree.manifest, selection, this.#noteLost)) {
      yield entries
      if (this.#turn.isOver) await this.#turn.next()
      throwIfAborted(this.#call.signal)
    }
  }

  /** Part of the manifest is lost, and what was in it. */
  readonly #noteLost: OnDamagedShard = ({ id, entries, firstPath }, next, { message }) => {
    const key = id.toString('hex')
    if (this.#lostShards.has(key)) return
    this.#lostShards.add(key)
    const end = next === undefined ? 'the end' : JSON.stringify(showPath(next.firstPath))
    this.#deps.report.add(firstPath, 'damaged', `${entries} entries of the manifest up to ${end} are lost: ${message}`)
  }
}

function openThreads({
  repository,
  options,
  memory,
}: RestoreTreeDeps): ReadingThreads<RestoreJob, readonly RestoreFailure[]> {
  const { master, repositoryId } = repository.key
  const data: RestoreWorkerData = { master, repositoryId, options }
  return new ReadingThreads(new URL('./restore-worker.js', import.meta.url), memory.threads, data)
}
