import type { DatabaseDescription } from '../model/database-description.js'
import type { Job } from '../model/job.js'
import type { MountId, MountReference } from '../model/mount.js'
import type { Attributes, TrashedVolume, Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import { CommitQueue, type Soon } from './commit-queue.js'
import { EventLog, isEvent } from './event-log.js'
import { ConvoyError } from '../errors.js'
import {
  type Database,
  type LedgerContents,
  type LedgerStep,
  type LedgerWrite,
  type Setting,
  writesOf,
} from './ledger-write.js'

const noMounts: ReadonlyMap<MountId, MountReference> = new Map()
const noNotes: Attributes = {}

/**
 * What this host remembers: every row in memory, every change in the database. Reads never wait.
 * A change becomes visible to readers once it is durable; only {@link commitLater} turns that around.
 */
export class Ledger {
  readonly #database: Database
  readonly #queue: CommitQueue
  readonly #volumes = new Map<VolumeName, Volume>()
  readonly #mounts = new Map<VolumeName, Map<MountId, MountReference>>()
  readonly #trash = new Map<string, TrashedVolume>()
  readonly #jobs = new Map<string, Job>()
  readonly #journals = new Map<string, Attributes>()
  readonly #settings = new Map<Setting, string>()
  #revision = 0
  /** What has happened. */
  readonly events: EventLog

  constructor(database: Database, contents: LedgerContents, soon: Soon) {
    this.#database = database
    this.events = new EventLog(database, contents.lastEventId)
    this.#queue = new CommitQueue(database, soon, this.events)
    for (const write of writesOf(contents)) this.#apply(write)
  }

  /** Why nothing can be changed and what mends it; absent when all is well. */
  get degraded(): ConvoyError | undefined {
    return this.#database.degradation?.reason
  }

  get volumes(): ReadonlyMap<VolumeName, Volume> {
    return this.#volumes
  }

  get trash(): ReadonlyMap<string, TrashedVolume> {
    return this.#trash
  }

  get jobs(): ReadonlyMap<string, Job> {
    return this.#jobs
  }

  mountsOf(name: VolumeName): ReadonlyMap<MountId, MountReference> {
    return this.#mounts.get(name) ?? noMounts
  }

  /** Volumes that somebody holds, by the ledger. */
  get mountedNames(): IterableIterator<VolumeName> {
    return this.#mounts.keys()
  }

  journalOf(volumeId: string): Attributes {
    return this.#journals.get(volumeId) ?? noNotes
  }

  setting(key: Setting): string | undefined {
    return this.#settings.get(key)
  }

  /** The engine life that Docker's calls belong to now. */
  get epoch(): number {
    return Number(this.#settings.get('epoch') ?? '0')
  }

  /** Grows with every visible change, so that what is derived from the ledger can be cached. */
  get revision(): number {
    return this.#revision
  }

  /** Makes the writes durable, then visible. ConvoyError `unavailable`: nothing happened. */
  async commit(step: LedgerStep, ...writes: readonly LedgerWrite[]): Promise<void> {
    await this.#queue.commit({ step, writes })
    for (const write of writes) this.#apply(write)
  }

  /**
   * Makes the writes visible now and durable soon. For what recovery would reach again by itself: the intent is durable, and
   * so is the effect. What cannot be saved is kept and tried again with the next change.
   */
  commitLater(step: LedgerStep, ...writes: readonly LedgerWrite[]): void {
    for (const write of writes) this.#apply(write)
    this.#queue.commitLater({ step, writes })
  }

  /** Resolves when all that is visible is durable, or has been tried. */
  settle(): Promise<void> {
    return this.#queue.settle()
  }

  /** Writes a copy of the database; resolves to its path. */
  backup(now: Date): Promise<string> {
    return this.#database.backup(now)
  }

  /** What form the database has, and how much is in it. ConvoyError `unavailable` when it cannot be read. */
  describe(): Promise<DatabaseDescription> {
    return this.#database.describe()
  }

  /** Mends a degraded ledger: from now on it is `contents`, in a database of its own. ConvoyError `unavailable`: all is as before. */
  async rebuild(contents: LedgerContents): Promise<void> {
    const { degradation } = this.#database
    if (degradation === undefined) throw new ConvoyError('internal', 'a ledger that is well needs no rebuilding')
    await degradation.replace(contents)
    this.#queue.dropUnsaved()
    this.events.leap()
    for (const rows of [this.#volumes, this.#mounts, this.#trash, this.#jobs, this.#journals, this.#settings])
      rows.clear()
    for (const write of writesOf(contents)) this.#apply(write)
  }

  async close(): Promise<void> {
    await this.settle()
    await this.#database.close()
  }

  #apply(write: LedgerWrite): void {
    if (isEvent(write)) return
    this.#revision++
    if ('put' in write) this.#put(write)
    else this.#remove(write)
  }

  #put(write: Exclude<Extract<LedgerWrite, { put: string }>, { put: 'event' }>): void {
    switch (write.put) {
      case 'volume':
        this.#volumes.set(write.row.name, write.row)
        return
      case 'mount': {
        const mounts = this.#mounts.get(write.row.volume) ?? new Map<MountId, MountReference>()
        this.#mounts.set(write.row.volume, mounts.set(write.row.id, write.row))
        return
      }
      case 'trash':
        this.#trash.set(write.row.id, write.row)
        return
      case 'job':
        this.#jobs.set(write.row.id, write.row)
        return
      case 'journal':
        this.#journals.set(write.id, write.notes)
        return
      case 'setting':
        this.#settings.set(write.key, write.value)
    }
  }

  #remove(write: Extract<LedgerWrite, { remove: string }>): void {
    switch (write.remove) {
      case 'volume':
        this.#volumes.delete(write.name)
        return
      case 'mount': {
        const mounts = this.#mounts.get(write.volume)
        mounts?.delete(write.id)
        if (mounts?.size === 0) this.#mounts.delete(write.volume)
        return
      }
      case 'trash':
        this.#trash.delete(write.id)
        return
      case 'job':
        this.#jobs.delete(write.id)
        return
      case 'journal':
        this.#journals.delete(write.id)
    }
  }
}
