import type { ConvoyError } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { ConvoyEvent } from '../model/event.js'
import type { Job } from '../model/job.js'
import type { MountId, MountReference } from '../model/mount.js'
import type { Attributes, TrashedVolume, Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import type { EventPage, EventPruning, EventQuery } from './events.js'

/** One row put or removed. Puts replace, removals of what is not there do nothing: a write may be repeated. */
export type LedgerWrite =
  | { readonly put: 'volume'; readonly row: Volume }
  | { readonly remove: 'volume'; readonly name: VolumeName }
  | { readonly put: 'mount'; readonly row: MountReference }
  | { readonly remove: 'mount'; readonly volume: VolumeName; readonly id: MountId }
  | { readonly put: 'trash'; readonly row: TrashedVolume }
  | { readonly remove: 'trash'; readonly id: string }
  | { readonly put: 'job'; readonly row: Job }
  | { readonly remove: 'job'; readonly id: string }
  /** A driver's notes on the volume with this id. */
  | { readonly put: 'journal'; readonly id: string; readonly notes: Attributes }
  | { readonly remove: 'journal'; readonly id: string }
  | { readonly put: 'setting'; readonly key: Setting; readonly value: string }
  /** What the rest of the change means, for whoever watches. It gets its id when it is saved. */
  | { readonly put: 'event'; readonly row: ConvoyEvent }

/** What the host remembers about itself. */
export type Setting =
  /** A random id of this installation, written into sidecars. */
  | 'host-id'
  /** Counts engine lives: `Plugin.Activate` begins a new one. */
  | 'epoch'
  /** The kernel's boot id when the ledger was last in use. */
  | 'boot-id'
  /** `yes` once every driver has been asked what volumes its storage holds. */
  | 'discovered'
  /** JSON: the id of the event up to which each target of notifications has been told, by its name. */
  | 'notify-positions'
  /** JSON: what is wrong and was told, and since when. */
  | 'alerts'

/** All rows, as read at start. */
export interface LedgerContents {
  readonly volumes: readonly Volume[]
  readonly mounts: readonly MountReference[]
  readonly trash: readonly TrashedVolume[]
  readonly jobs: readonly Job[]
  readonly journals: readonly (readonly [id: string, notes: Attributes])[]
  readonly settings: readonly (readonly [Setting, string])[]
  /** The newest one's; 0 when there is none. The events themselves stay where they are. */
  readonly lastEventId: number
}

/** All of it as writes. Events are none of it. */
export function writesOf(contents: LedgerContents): readonly LedgerWrite[] {
  return [
    ...contents.volumes.map((row) => ({ put: 'volume', row }) as const),
    ...contents.mounts.map((row) => ({ put: 'mount', row }) as const),
    ...contents.trash.map((row) => ({ put: 'trash', row }) as const),
    ...contents.jobs.map((row) => ({ put: 'job', row }) as const),
    ...contents.journals.map(([id, notes]) => ({ put: 'journal', id, notes }) as const),
    ...contents.settings.map(([key, value]) => ({ put: 'setting', key, value }) as const),
  ]
}

/** Why a change is made: names the point in logs and failpoints. */
export type LedgerStep =
  | 'create-intent'
  | 'create-done'
  | 'create-undone'
  | 'journal'
  | 'mount-intent'
  | 'mount'
  | 'mount-undone'
  | 'unmount-intent'
  | 'unmount'
  | 'remove-intent'
  | 'remove-undone'
  | 'remove-done'
  | 'rename-intent'
  | 'rename-undone'
  | 'rename-done'
  | 'resize-intent'
  | 'resize-undone'
  | 'resize-done'
  | 'undelete'
  | 'trash-delete'
  | 'discover'
  | 'rebuild'
  | 'reconcile'
  | 'activate'
  | 'job'
  | 'start'
  | 'notify'
  | 'event'

/** Writes that belong together: all of them or none. */
export interface LedgerChange {
  readonly step: LedgerStep
  readonly writes: readonly LedgerWrite[]
}

/** A database that takes no changes. */
export interface Degradation {
  /** Why, and what mends it. */
  readonly reason: ConvoyError
  /** Sets it aside and puts one in its place that holds `contents`. ConvoyError `unavailable`: all is as before. */
  replace(contents: LedgerContents): Promise<void>
}

/** Where the rows are kept. Real: SQLite in a worker thread. */
export interface Database {
  /** Absent when all is well. */
  readonly degradation?: Degradation | undefined
  /**
   * Makes the changes durable in their order, with as few fsyncs as it can. Resolves to the outcome of each: `undefined`, or
   * ConvoyError `unavailable` for a change of which nothing was kept.
   */
  commit(changes: readonly LedgerChange[]): Promise<readonly (ConvoyError | undefined)[]>
  readEvents(query: EventQuery): Promise<EventPage>
  /** Resolves to whether more is left to prune. */
  pruneEvents(pruning: EventPruning): Promise<boolean>
  /** Writes a consistent copy beside the database and removes all but the newest; resolves to its path. */
  backup(now: Date): Promise<string>
  /** ConvoyError `unavailable` when it cannot be read. */
  describe(): Promise<DatabaseDescription>
  close(): Promise<void>
}

/** What a write replaces: two writes with the same key are one row's. */
export function keyOf(write: LedgerWrite): string {
  return 'put' in write ? `${write.put} ${keyOfPut(write)}` : `${write.remove} ${keyOfRemoval(write)}`
}

function keyOfPut(write: Extract<LedgerWrite, { put: string }>): string {
  switch (write.put) {
    case 'volume':
      return write.row.name
    case 'mount':
      return `${write.row.volume} ${write.row.id}`
    case 'trash':
    case 'job':
      return write.row.id
    case 'event':
      return String(write.row.id)
    case 'journal':
      return write.id
    case 'setting':
      return write.key
  }
}

function keyOfRemoval(write: Extract<LedgerWrite, { remove: string }>): string {
  switch (write.remove) {
    case 'volume':
      return write.name
    case 'mount':
      return `${write.volume} ${write.id}`
    case 'trash':
    case 'job':
    case 'journal':
      return write.id
  }
}
