import {
  type ConvoyEvent,
  eventAt,
  type EventDetails,
  type EventFilter,
  type EventReason,
  type EventsSince,
  type EventType,
  parseEventsSince,
} from '../model/event.js'
import type { MountReference } from '../model/mount.js'
import { optional } from '../model/optional.js'
import type { VolumeHandle } from '../model/volume.js'
import type { EventPage } from '../store/events.js'
import type { LedgerWrite } from '../store/ledger-write.js'
import type { CoreDeps } from './core-deps.js'

/** Events in one answer of the database: its thread has changes to save, too. */
const pageSize = 200
const pruneBatch = 500

/** The row that tells of a change; to be given to the ledger with the rest of the change, so that both or neither survive. */
export function volumeEvent(
  { now }: Pick<CoreDeps, 'now'>,
  type: EventType,
  volume: VolumeHandle & { readonly driver: string },
  details: EventDetails = {},
): LedgerWrite {
  const { name, id, driver } = volume
  return { put: 'event', row: eventAt(now(), type, { volume: name, volumeId: id, driver, ...details }) }
}

/** A mount id that holds its volume `count` times from now on. The volume's row may be gone. */
export function mountEvent(
  { ledger, now }: Pick<CoreDeps, 'ledger' | 'now'>,
  type: 'volume.mount' | 'volume.unmount' | 'volume.mount.drop',
  { volume: name, id: mountId, count }: Pick<MountReference, 'volume' | 'id' | 'count'>,
  details: { readonly mountpoint?: string; readonly reason?: EventReason } = {},
): LedgerWrite {
  const volume = ledger.volumes.get(name)
  const known = volume === undefined ? { volume: name } : { volume: name, volumeId: volume.id, driver: volume.driver }
  return { put: 'event', row: eventAt(now(), type, { ...known, mountId, count, ...details }) }
}

/** Where a reader begins, and what is no longer there for it. */
export interface EventsStart {
  readonly afterId: number
  readonly fromTime?: string
  /** Told first when events that were asked for have been pruned, or were lost with the database. */
  readonly gap?: ConvoyEvent
}

/** What has happened, for whoever watches: read a page at a time, or told as soon as it is durable. */
export class Events {
  readonly #deps: CoreDeps

  constructor(deps: CoreDeps) {
    this.#deps = deps
  }

  /** The newest event that listeners have been told. */
  get lastId(): number {
    return this.#deps.ledger.events.lastId
  }

  /** Calls `listener` with every event that has become durable, in the order of ids; the result ends that. */
  listen(listener: (events: readonly ConvoyEvent[]) => void): () => void {
    return this.#deps.ledger.events.listen(listener)
  }

  /** ConvoyError `invalid-argument` for what is neither an id, nor a time, nor how long ago. */
  parseSince(text: string): EventsSince {
    return parseEventsSince(text, this.#deps.now())
  }

  /** Everything that is kept, without saying that there was more. */
  get beginning(): EventsSince {
    return { time: '' }
  }

  /** ConvoyError `unavailable` when the database cannot be read. */
  async startAt(since: EventsSince): Promise<EventsStart> {
    const { oldestId, newestId, oldestTime } = await this.#bounds()
    if ('time' in since) {
      const isGap = since.time !== '' && oldestId > 1 && oldestTime !== undefined && since.time < oldestTime
      const start = { afterId: Math.max(oldestId - 1, 0), fromTime: since.time }
      return { ...start, ...(isGap ? { gap: this.gap(since.time, oldestId) } : {}) }
    }
    // An id that was never given is of a database that is lost: all that there is now came after it.
    if (since.id > newestId) return { afterId: Math.max(oldestId - 1, 0), gap: this.gap(String(since.id), oldestId) }
    return {
      afterId: Math.max(since.id, oldestId - 1),
      ...(since.id < oldestId - 1 ? { gap: this.gap(String(since.id), oldestId) } : {}),
    }
  }

  /** ConvoyError `unavailable` when the database cannot be read. */
  readPage({ afterId, fromTime }: EventsStart, filter: EventFilter): Promise<EventPage> {
    return this.#deps.ledger.events.read({ afterId, filter, limit: pageSize, ...optional('fromTime', fromTime) })
  }

  /** Notes what is no change of a volume: saved soon, with whatever comes next. */
  note(type: EventType, details: EventDetails): void {
    if (this.#deps.ledger.degraded !== undefined) return
    this.#deps.ledger.commitLater('event', { put: 'event', row: eventAt(this.#deps.now(), type, details) })
  }

  /** What somebody is told who asks a daemon without a usable database. */
  get degraded(): ConvoyEvent | undefined {
    const { ledger, now } = this.#deps
    const { degraded } = ledger
    return degraded === undefined ? undefined : eventAt(now(), 'daemon.degraded', { error: degraded.sentence })
  }

  /** What somebody is told who will not be told what is between. */
  gap(since: string, oldestId: number): ConvoyEvent {
    return eventAt(this.#deps.now(), 'gap', { since, ...(oldestId === 0 ? {} : { oldest: oldestId }) })
  }

  /** Removes what is older, or more, than is kept. */
  async prune(): Promise<void> {
    const { ledger, now, policy } = this.#deps
    const { longestMs, most } = policy.eventRetention
    const beforeTime = new Date(now().getTime() - longestMs).toISOString()
    await ledger.events.prune({ beforeTime, most, batch: pruneBatch })
  }

  #bounds(): Promise<EventPage> {
    return this.#deps.ledger.events.read({ afterId: Number.MAX_SAFE_INTEGER, filter: { types: [] }, limit: 1 })
  }
}
