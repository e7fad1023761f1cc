import { availableParallelism } from 'node:os'
import { isConvoyError, toConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import { recordKey } from '../format/backup-record.js'
import { treeOf } from '../backup-tree.js'
import { readKeySlots } from '../key-ring.js'
import { choosePacks, type PackChoice } from './pack-choice.js'
import { packObjectKey } from '../format/pack-kind.js'
import type { OnProgress } from '../progress.js'
import type { ListedBackup, Repository } from '../repository.js'
import { type PackInfo, RepositoryIndex } from '../repository-index.js'
import { VerifyPacks } from './verify-packs.js'
import { type DamagedObject, VerifyFindings, type VerifyReport } from './verify-report.js'
import { VerifyTrees } from './verify-trees.js'

export interface VerifyRequest {
  /** Which packs are read whole. Others are only looked for. */
  readonly readData: PackChoice
  /** Marks damaged packs in the repository, so that no new backup relies on what is in them. */
  readonly marks: boolean
}

export interface VerifyDeps {
  /** For people. */
  readonly now: () => number
  readonly onProgress?: OnProgress
  readonly threads?: number
}

const mostThreads = 4

/**
 * Looks whether all that there is in a repository is what it was, and whether every backup has all that it refers to. What is wrong is
 * reported and not thrown: ConvoyError only when it cannot be looked at.
 */
export async function verify(
  repository: Repository,
  request: VerifyRequest,
  deps: VerifyDeps,
  call: CallContext,
): Promise<VerifyReport> {
  // Before the index: what a prune that runs meanwhile moves is in newer segments than what these refer to.
  const backups: ListedBackup[] = []
  for await (const backup of repository.listBackups(call)) backups.push(backup)
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  return new Verifying({ repository, index, backups }, deps, call).run(request)
}

interface Verified {
  readonly repository: Repository
  readonly index: RepositoryIndex
  readonly backups: readonly ListedBackup[]
}

class Verifying {
  readonly #it: Verified
  readonly #deps: VerifyDeps
  readonly #call: CallContext
  readonly #findings = new VerifyFindings()
  #filesDone = 0
  #bytesTotal = 0

  constructor(it: Verified, deps: VerifyDeps, call: CallContext) {
    this.#it = it
    this.#deps = deps
    this.#call = call
  }

  async run({ readData, marks }: VerifyRequest): Promise<VerifyReport> {
    const { repository, index, backups } = this.#it
    await this.#checkSmallObjects()
    const { now, threads = Math.min(availableParallelism(), mostThreads) } = this.#deps
    const onRead = () => this.#tell(packs)
    const packs = new VerifyPacks(
      { repository, index, findings: this.#findings, marks, now, threads, onRead },
      this.#call,
    )
    const chosen = chosenPacks(index.packs, readData)
    this.#bytesTotal = Array.from(chosen).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    await packs.check(chosen)
    const trees = new VerifyTrees(index, packs.bad)
    for (const backup of backups) await this.#checkBackup(backup, trees, packs)
    if (trees.missingChunks > 0) this.#noteMissingPacks()
    const { isHealthy, damaged, damagedCount, affected } = this.#findings
    const counts = {
      backups: backups.length,
      packs: index.packs.length,
      packsRead: packs.packsRead,
      bytesRead: packs.bytesRead,
    }
    const rest = { chunks: index.table.size, orphans: index.orphans.length }
    return { isHealthy, ...counts, ...rest, damaged, damagedCount, affected }
  }

  /** What is not a pack and not a record. The configuration was read when the repository was opened. */
  async #checkSmallObjects(): Promise<void> {
    const { repository, index } = this.#it
    for (const { key, message } of index.damage) this.#findings.add({ kind: 'index', key, message })
    const { unreadable } = await readKeySlots(repository.store, this.#call)
    for (const id of unreadable) this.#findings.add({ kind: 'key-slot', key: id, message: 'it is no key slot' })
    await this.#checkSealed('damaged/', 'mark')
    await this.#checkSealed('leases/', 'lease')
  }

  async #checkSealed(prefix: string, kind: DamagedObject['kind']): Promise<void> {
    const { repository } = this.#it
    for await (const { key } of repository.store.list(prefix, this.#call)) {
      const fault = await this.#faultOf(() => repository.getSealed(key, this.#call))
      if (fault !== undefined) this.#findings.add({ kind, key, message: fault })
    }
  }

  async #checkBackup({ volume, name }: ListedBackup, trees: VerifyTrees, packs: VerifyPacks): Promise<void> {
    const { repository, index } = this.#it
    try {
      const record = await repository.readRecord(volume, name, this.#call)
      const affected = await trees.check(treeOf(repository, { record, index }, this.#call), (entries) => {
        this.#filesDone += entries
        this.#tell(packs)
      })
      const { paths, pathCount } = affected
      if (pathCount > 0) this.#findings.affected.push({ volume, name, paths, pathCount })
    } catch (thrown) {
      // It was deleted meanwhile.
      if (isConvoyError(thrown, 'not-found')) return
      if (!isConvoyError(thrown, 'damaged') && !isConvoyError(thrown, 'unsupported')) throw thrown
      const { message } = thrown
      this.#findings.add({ kind: 'record', key: recordKey(volume, name), message })
      this.#findings.affected.push({ volume, name, paths: [{ path: '.', message }], pathCount: 1 })
    }
  }

  /** A pack that is indexed and not there may have been pruned; it is missed only when something of it is. */
  #noteMissingPacks(): void {
    for (const { kind, id, state } of this.#it.index.packs) {
      if (state === 'missing')
        this.#findings.add({ kind: 'pack', key: packObjectKey(kind, id), message: 'it is missing' })
    }
  }

  async #faultOf(act: () => Promise<unknown>): Promise<string | undefined> {
    try {
      await act()
      return undefined
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return undefined
      if (isConvoyError(thrown, 'damaged') || isConvoyError(thrown, 'unsupported')) return toConvoyError(thrown).message
      throw thrown
    }
  }

  #tell({ bytesRead }: VerifyPacks): void {
    const bytes = { bytesDone: bytesRead, bytesTotal: this.#bytesTotal, storedBytes: bytesRead }
    this.#deps.onProgress?.({ phase: 'check', filesDone: this.#filesDone, ...bytes })
  }
}

/** Those that were asked for, and those that are doubtful anyway. */
function chosenPacks(packs: readonly PackInfo[], choice: PackChoice): ReadonlySet<PackInfo> {
  const there = packs.filter(({ state }) => state !== 'missing')
  const doubtful = there.filter(({ state }) => state === 'wrong-size' || state === 'damaged')
  return new Set([...choosePacks(there, choice), ...doubtful])
}
