import { isConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { BoundedWork } from '../bounded-work.js'
import { ChunkGroups } from '../chunk-groups.js'
import { markDamaged } from '../damage-report.js'
import type { PackCheck, PackCheckJob } from './pack-check.js'
import type { PackEntry } from '../format/pack-format.js'
import { packObjectKey } from '../format/pack-kind.js'
import { ownMemory, ReadingThreads } from '../reading-threads.js'
import { RecordSet } from '../record-set.js'
import type { Repository } from '../repository.js'
import type { PackInfo, RepositoryIndex } from '../repository-index.js'
import type { VerifyFindings } from './verify-report.js'
import type { VerifyWorkerData } from './verify-worker.js'

export interface VerifyPacksDeps {
  readonly repository: Repository
  readonly index: RepositoryIndex
  readonly findings: VerifyFindings
  /** Writes marks for the packs that are damaged, so that no new backup relies on what is in them. */
  readonly marks: boolean
  readonly now: () => number
  readonly threads: number
  /** Called after each pack. */
  readonly onRead: () => void
}

/** Packs in memory, waiting for a thread or in one: the largest has 80 MiB. */
const limits = { bytes: 96 * 1024 * 1024, tasks: 8 }

type Threads = ReadingThreads<PackCheckJob, PackCheck>

/** Reads whole packs and looks at every byte of them. */
export class VerifyPacks {
  /** Chunks of the table that cannot be read. */
  readonly bad: RecordSet
  packsRead = 0
  bytesRead = 0
  readonly #deps: VerifyPacksDeps
  readonly #call: CallContext
  readonly #groups: ChunkGroups

  constructor(deps: VerifyPacksDeps, call: CallContext) {
    const { table, packs } = deps.index
    this.#deps = deps
    this.#call = call
    this.bad = new RecordSet(table.capacity)
    this.#groups = new ChunkGroups(table, allRecords(table.size), packs.length)
  }

  async check(chosen: ReadonlySet<PackInfo>): Promise<void> {
    if (chosen.size === 0) return
    const { repository, index, threads: count } = this.#deps
    const { master, repositoryId } = repository.key
    const data: VerifyWorkerData = { master, repositoryId }
    const threads: Threads = new ReadingThreads(new URL('./verify-worker.js', import.meta.url), count, data)
    const work = new BoundedWork(limits, this.#call.signal)
    try {
      for (const [number, pack] of index.packs.entries()) {
        if (chosen.has(pack)) await work.start(pack.sizeBytes, () => this.#check(pack, number, threads))
      }
      await work.finish()
    } finally {
      await work.settle()
      await threads.close()
    }
  }

  async #check(pack: PackInfo, number: number, threads: Threads): Promise<void> {
    const bytes = await this.#read(pack)
    if (bytes === undefined) return
    const own = ownMemory(bytes)
    const [id, salt] = [Uint8Array.from(pack.id), Uint8Array.from(pack.salt)]
    const job = { id, kind: pack.kind, salt, bytes: own, indexed: this.#entriesOf(number) }
    const found = await threads.run(job, [own.buffer as ArrayBuffer])
    this.packsRead += 1
    this.bytesRead += pack.sizeBytes
    this.#deps.onRead()
    if (found.faults.length > 0 || found.badIds.length > 0) await this.#note(pack, job.indexed.length, found)
  }

  /** Undefined for what a prune has removed meanwhile: whether anybody needs it is seen in the trees. */
  async #read({ kind, id, sizeBytes }: PackInfo): Promise<Buffer | undefined> {
    try {
      // One byte more shows that it is longer than it should be.
      const range = { offset: 0, length: sizeBytes + 1 }
      return await this.#deps.repository.store.get(packObjectKey(kind, id), range, this.#call)
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return undefined
      throw thrown
    }
  }

  #entriesOf(number: number): readonly PackEntry[] {
    const { table } = this.#deps.index
    const entries = Array.from(this.#groups.of(number)).flatMap((record) => {
      const location = table.findAt(record)
      if (location === undefined) return []
      const { pack: _, ...rest } = location
      return [{ ...rest, id: table.idAt(record) }]
    })
    return entries.sort((left, right) => left.offset - right.offset)
  }

  async #note(pack: PackInfo, indexed: number, { faults, badIds }: PackCheck): Promise<void> {
    const { repository, index, findings, marks, now } = this.#deps
    const key = packObjectKey(pack.kind, pack.id)
    const chunks = badIds.length === 0 ? [] : [`${badIds.length} of its ${indexed} chunks cannot be read`]
    findings.add({ kind: 'pack', key, message: [...faults, ...chunks].join(', ') })
    const ids = badIds.map((id) => Buffer.from(id))
    for (const id of ids) this.bad.add(index.table.indexOf(id))
    if (!marks) return
    const hexIds = ids.map((id) => id.toString('hex'))
    const report = { pack: pack.id.toString('hex'), kind: pack.kind, foundAtMs: now(), chunks: hexIds }
    await markDamaged(repository, report, this.#call)
  }
}

/** Of a table. */
function allRecords(size: number): Iterable<number> & { readonly size: number } {
  return {
    size,
    *[Symbol.iterator]() {
      for (let record = 0; record < size; record += 1) yield record
    },
  }
}
