import { type ConvoyEvent, matchesFilter } from '../../src/model/event.js'
import type { EventPage, EventPruning, EventQuery } from '../../src/store/events.js'

/** The events of a database in memory: what the table does, in the simplest words. */
export class KeptEvents {
  #events: readonly ConvoyEvent[] = []

  get all(): readonly ConvoyEvent[] {
    return this.#events
  }

  get newestId(): number {
    return this.#events.at(-1)?.id ?? 0
  }

  put(event: ConvoyEvent): void {
    this.#events = [...this.#events.filter(({ id }) => id !== event.id), structuredClone(event)]
  }

  clear(): void {
    this.#events = []
  }

  read({ afterId, fromTime = '', filter, limit }: EventQuery): EventPage {
    const wanted = this.#events.filter((event) => event.id > afterId && event.time >= fromTime)
    const events = wanted.filter((event) => matchesFilter(event, filter)).slice(0, limit)
    const oldest = this.#events[0]
    const upToId = events.length < limit ? Math.max(this.newestId, afterId) : (events.at(-1)?.id ?? afterId)
    const bounds = { oldestId: oldest?.id ?? 0, newestId: this.newestId }
    return { events, upToId, ...bounds, ...(oldest === undefined ? {} : { oldestTime: oldest.time }) }
  }

  prune({ beforeTime, most, batch }: EventPruning): boolean {
    const { oldestId } = this.read({ afterId: 0, filter: { types: [] }, limit: 1 })
    const firstYoung = this.#events.find(({ time }) => time >= beforeTime)?.id ?? this.newestId
    const isOld = ({ id }: ConvoyEvent) => id < this.newestId && (id < firstYoung || id <= this.newestId - most)
    const isOfBatch = ({ id }: ConvoyEvent) => id < oldestId + batch
    this.#events = this.#events.filter((event) => !isOld(event) || !isOfBatch(event))
    return this.#events.some(isOld)
  }
}
