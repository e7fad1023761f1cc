import { isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { BoundedWork } from '../bounded-work.js'
import { packObjectKey } from '../format/pack-kind.js'
import { ownMemory, type ReadingThreads } from '../reading-threads.js'
import type { Repository } from '../repository.js'
import type { PackInfo, RepositoryIndex } from '../repository-index.js'
import type { RestoredFiles } from './restored-files.js'
import { restoreJobOf, type RestoreFailure, type RestoreJob } from './restore-job.js'
import { type PlannedBlob, RestorePlan, type Stretch } from './restore-plan.js'
import type { RestoreReport } from './restore-report.js'

export interface RestoreReadingDeps {
  readonly repository: Repository
  /** The index as it is now. */
  readonly reloadIndex: () => Promise<RepositoryIndex>
  readonly threads: ReadingThreads<RestoreJob, readonly RestoreFailure[]>
  readonly files: RestoredFiles
  readonly report: RestoreReport
  /** Stored bytes that are fetched or wait for a thread. What the threads make of them comes on top. */
  readonly windowBytes: number
}

const mostTasks = 8

/** Fetches stretches of packs, several at once, and has threads write what is in them. */
export class RestoreReading {
  readonly #deps: RestoreReadingDeps
  readonly #call: CallContext
  readonly #work: BoundedWork
  #reloaded: Promise<RepositoryIndex> | undefined

  constructor(deps: RestoreReadingDeps, call: CallContext) {
    this.#deps = deps
    this.#call = call
    this.#work = new BoundedWork({ bytes: deps.windowBytes, tasks: mostTasks }, call.signal)
  }

  /** Resolves when the last of them has begun. Throws what went wrong before. */
  async begin(stretches: readonly Stretch[]): Promise<void> {
    for (const stretch of stretches) await this.#work.start(stretch.length, () => this.#restore(stretch))
  }

  /** Resolves when all is written. */
  finish(): Promise<void> {
    return this.#work.finish()
  }

  /** Resolves when nothing is being written any more; throws nothing. */
  settle(): Promise<void> {
    return this.#work.settle()
  }

  async #restore(stretch: Stretch): Promise<void> {
    const bytes = await this.#fetch(stretch)
    if (bytes === undefined) return this.#retry(stretch)
    this.#deps.report.storedBytes += bytes.length
    const own = ownMemory(bytes)
    const failures = await this.#deps.threads.run(restoreJobOf(stretch, own), [own.buffer as ArrayBuffer])
    this.#fail(stretch, failures)
    for (const { uses } of stretch.blobs) for (const { file } of uses) this.#deps.files.settle(file)
    this.#deps.report.tell('copy')
  }

  async #fetch({ pack, offset, length }: Stretch): Promise<Buffer | undefined> {
    const key = packObjectKey(pack.kind, pack.id)
    try {
      return await this.#deps.repository.store.get(key, { offset, length }, this.#call)
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return undefined
      throw thrown
    }
  }

  /** A prune that runs at the same time moves what is needed to other packs, and says in the index where. */
  async #retry(stretch: Stretch): Promise<void> {
    const index = await this.#indexWithout(stretch.pack)
    const plan = new RestorePlan(index)
    for (const blob of stretch.blobs) {
      const isMoved = index.locate(blob.entry.id)?.pack.id.equals(stretch.pack.id) === false
      if (!isMoved) this.#lose(blob)
      else for (const use of blob.uses) plan.add(blob.entry.id, use)
    }
    for (const moved of plan.stretches()) await this.#restore(moved)
  }

  /** One that was read after the pack had gone, for all that miss it. */
  async #indexWithout(pack: PackInfo): Promise<RepositoryIndex> {
    const known = this.#reloaded
    const index = await known
    const isLost = index?.packs.some(({ id, state }) => state !== 'missing' && id.equals(pack.id)) === false
    if (index !== undefined && isLost) return index
    if (this.#reloaded === known) this.#reloaded = this.#deps.reloadIndex()
    return this.#reloaded ?? this.#deps.reloadIndex()
  }

  #lose({ pack, uses }: PlannedBlob): void {
    for (const { file } of uses) {
      file.damage ??= `${packObjectKey(pack.kind, pack.id)} is missing`
      this.#deps.files.settle(file)
    }
  }

  #fail({ blobs }: Stretch, failures: readonly RestoreFailure[]): void {
    if (failures.length === 0) return
    const files = new Map(blobs.flatMap(({ uses }) => uses.map(({ file }) => [file.number, file])))
    for (const failure of failures) {
      const file = files.get(failure.number)
      if (file !== undefined) this.#deps.files.fail(file, failure)
    }
  }
}
