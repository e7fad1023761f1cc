import type Sqlite from 'better-sqlite3'
import {
  chosenTypes,
  type ConvoyEvent,
  type EventDetails,
  type EventFilter,
  type EventType,
  eventTypes,
} from '../model/event.js'
import { parseJsonObject } from '../model/json-object.js'
import { optional } from '../model/optional.js'
import type { Row } from './row.js'

/** One page of what is kept: at most `limit` events behind `afterId`, oldest first. */
export interface EventQuery {
  readonly afterId: number
  /** Leaves out what happened before, ISO 8601. */
  readonly fromTime?: string
  readonly filter: EventFilter
  readonly limit: number
}

export interface EventPage {
  readonly events: readonly ConvoyEvent[]
  /** How far this page has looked: the next one begins behind it. */
  readonly upToId: number
  /** Ids of the oldest and the newest event that are kept; 0 when there is none. */
  readonly oldestId: number
  readonly newestId: number
  readonly oldestTime?: string
}

/** What goes: events before `beforeTime`, and all but the newest `most`; at most `batch` at once. */
export interface EventPruning {
  readonly beforeTime: string
  readonly most: number
  readonly batch: number
}

/** What has happened. Never read at start, so that it costs no memory. */
export function eventsTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare('INSERT OR REPLACE INTO events (id, time, type, volume, details) VALUES (?, ?, ?, ?, ?)')
  const select = sqlite.prepare(
    `SELECT * FROM events
     WHERE id > :afterId AND time >= :fromTime AND (:volume IS NULL OR volume = :volume)
       AND type IN (SELECT value FROM json_each(:types))
     ORDER BY id LIMIT :limit`,
  )
  const bounds = sqlite.prepare(
    `SELECT coalesce(min(id), 0) AS oldestId, coalesce(max(id), 0) AS newestId,
       (SELECT time FROM events ORDER BY id LIMIT 1) AS oldestTime FROM events`,
  )
  const firstFrom = sqlite.prepare('SELECT id FROM events WHERE time >= ? ORDER BY id LIMIT 1').pluck()
  const removeUpTo = sqlite.prepare('DELETE FROM events WHERE id <= ?')

  function readBounds() {
    // The columns of the statement above.
    const { oldestId, newestId, oldestTime } = bounds.get() as Row
    const time = typeof oldestTime === 'string' ? oldestTime : undefined
    return { oldestId: Number(oldestId), newestId: Number(newestId), ...optional('oldestTime', time) }
  }

  return {
    newestId: (): number => readBounds().newestId,
    put: ({ id, time, type, volume, ...details }: ConvoyEvent): void => {
      put.run(id, time, type, volume ?? null, JSON.stringify(details))
    },
    read: ({ afterId, fromTime = '', filter, limit }: EventQuery): EventPage => {
      const types = JSON.stringify(chosenTypes(filter))
      const rows = select.all({ afterId, fromTime, volume: filter.volume ?? null, types, limit })
      const found = readBounds()
      const last = rows.length < limit ? found.newestId : Number((rows.at(-1) as Row)['id'])
      return { events: rows.flatMap(readEvent), upToId: Math.max(last, afterId), ...found }
    },
    /** Removes a beginning, never the newest event, whose id the next one follows. Returns whether more is left to remove. */
    prune: ({ beforeTime, most, batch }: EventPruning): boolean => {
      const { oldestId, newestId } = readBounds()
      const young = firstFrom.get(beforeTime)
      const firstYoung = typeof young === 'number' ? young : newestId
      const lastToGo = Math.min(newestId - 1, Math.max(firstYoung - 1, newestId - most))
      if (oldestId === 0 || lastToGo < oldestId) return false
      removeUpTo.run(Math.min(lastToGo, oldestId + batch - 1))
      return readBounds().oldestId <= lastToGo
    },
  }
}

const isEventType = (type: unknown): type is EventType => eventTypes.some((one) => one === type)

/** A row that cannot be read is left out: nobody's resuming should end there for ever. */
function readEvent(value: unknown): readonly ConvoyEvent[] {
  // better-sqlite3 returns every row as an object keyed by column.
  const { id, time, type, volume, details } = value as Row
  const more = typeof details === 'string' ? parseJsonObject(details) : undefined
  if (typeof id !== 'number' || typeof time !== 'string' || !isEventType(type) || more === undefined) return []
  // Written by `put` above.
  const rest: EventDetails = more
  return [{ id, time, type, ...(typeof volume === 'string' ? { volume } : {}), ...rest }]
}
