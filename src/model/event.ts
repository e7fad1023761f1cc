import { ConvoyError } from '../errors.js'
import { findNearestWord } from './nearest-word.js'
import { parseDurationMs } from './options.js'

/** How much somebody has to care, the least first. */
export const eventSeverities = ['info', 'warning', 'error'] as const

export type EventSeverity = (typeof eventSeverities)[number]

/** What can happen, in Docker's words where it has one. The words before a dot name the class of what follows. */
const severities = {
  'volume.create': 'info',
  /** Made of data that was there before us. */
  'volume.adopt': 'info',
  /** The storage was found to hold it: after the database was lost, or made by another host. */
  'volume.discover': 'info',
  /** No longer listed; the data stays. With a `reason`, nothing of it is remembered. */
  'volume.forget': 'info',
  /** A forgotten volume is listed again, with its data. */
  'volume.take-back': 'info',
  'volume.trash': 'info',
  'volume.undelete': 'info',
  /** The data of a trashed volume has been removed. */
  'volume.destroy': 'info',
  'volume.rename': 'info',
  /** An operator took it from another host, which may have lost what it wrote. */
  'volume.take-over': 'warning',
  'volume.resize': 'info',
  /** It takes more than its size, which nothing but this enforces, or root of the host did. Told once, until it is within. */
  'volume.over-limit': 'warning',
  'volume.within-limit': 'info',
  /** Its disk has gone from under its mount: who writes there loses what is written. Told once, until it is mounted anew. */
  'volume.lost': 'error',
  'volume.found': 'info',
  'volume.mount': 'info',
  'volume.unmount': 'info',
  /** A mount id ended that nobody gave back: see `reason`. */
  'volume.mount.drop': 'info',
  'job.finish': 'info',
  'job.fail': 'error',
  'job.cancel': 'info',
  'driver.unavailable': 'error',
  'driver.available': 'info',
  /** A storage has little room left, or few inodes. Told once, until it has room. */
  'driver.nearly-full': 'warning',
  'driver.has-room': 'info',
  /** A container that a failed mount had left behind runs again, because the daemon started it. */
  'container.revive': 'info',
  /** It did not start again, and is left as it is. */
  'container.revive.fail': 'error',
  'daemon.start': 'info',
  /** The database was made anew from what the storage says. */
  'daemon.rebuild': 'info',
  /** The daemon cannot use its database. Told to each subscriber, kept nowhere, without an id. */
  'daemon.degraded': 'error',
  /** A target of notifications does not take them. Told to the others. */
  'notify.fail': 'warning',
  'notify.recover': 'info',
  /** Somebody wants to see whether notifications arrive. Told to the target only, without an id. */
  'notify.test': 'info',
  /** Events that were asked for are no longer kept. Told to the subscriber who asked, without an id. */
  gap: 'warning',
} as const satisfies Readonly<Record<string, EventSeverity>>

export type EventType = keyof typeof severities

// The keys of the table are its own, and all of them.
export const eventTypes = Object.keys(severities) as readonly EventType[]

export function severityOf({ type }: Pick<ConvoyEvent, 'type'>): EventSeverity {
  return severities[type]
}

/** Why something happened that nobody asked for in this way. */
export type EventReason =
  /** `volume.forget`: adopted data is nobody's to delete, and was left where it is. */
  | 'adopted'
  /** `volume.forget`: the storage holds it no longer. */
  | 'not-found'
  /** `volume.forget`: another host forgot it. */
  | 'elsewhere'
  /** `volume.trash`: what a create that failed has left. */
  | 'create-failed'
  /** `volume.mount.drop` */
  | 'reconciliation'
  | 'removal'
  | 'reboot'

/** What subscribers get to know besides time and type. */
export interface EventDetails {
  readonly volume?: string
  readonly volumeId?: string
  readonly driver?: string
  readonly mountId?: string
  /** How often the mount id holds the volume from now on; `daemon.rebuild`: volumes that the storage holds. */
  readonly count?: number
  readonly mountpoint?: string
  /** The name before. */
  readonly from?: string
  /** What was found: `volume.discover`. */
  readonly state?: 'ready' | 'forgotten' | 'trashed'
  readonly sizeBytes?: number
  /** What a volume takes. */
  readonly usedBytes?: number
  /** Which of the driver's. */
  readonly storage?: string
  /** How full it is. */
  readonly percent?: number
  readonly job?: string
  readonly kind?: string
  readonly pid?: number
  /** Of notifications. */
  readonly target?: string
  /** The name. */
  readonly container?: string
  readonly reason?: EventReason
  readonly error?: string
  /** Of a gap: the id or time that was asked for, and the oldest id that is kept. */
  readonly since?: string
  readonly oldest?: number
}

export interface ConvoyEvent extends EventDetails {
  /** Grows in the order in which events became durable; 0 for one that is not. */
  readonly id: number
  /** ISO 8601, UTC. */
  readonly time: string
  readonly type: EventType
}

/** Which events somebody wants. */
export interface EventFilter {
  /** Types, and classes of them: `volume`, `volume.mount`. None means all. */
  readonly types: readonly string[]
  /** The name of the volume. */
  readonly volume?: string
  /** Nothing that matters less. */
  readonly least?: EventSeverity
}

/** An event that is not durable yet. */
export function eventAt(time: Date, type: EventType, details: EventDetails): ConvoyEvent {
  return { id: 0, time: time.toISOString(), type, ...details }
}

/** The types that a filter lets through. */
export function chosenTypes(filter: EventFilter): readonly EventType[] {
  return eventTypes.filter((type) => isChosen(type, filter))
}

export function matchesFilter(event: ConvoyEvent, filter: EventFilter): boolean {
  return (filter.volume === undefined || event.volume === filter.volume) && isChosen(event.type, filter)
}

function isChosen(type: EventType, { types, least = 'info' }: EventFilter): boolean {
  const isSevere = eventSeverities.indexOf(severities[type]) >= eventSeverities.indexOf(least)
  return isSevere && (types.length === 0 || types.some((one) => isOfClass(type, one)))
}

const isOfClass = (type: EventType, name: string) => type === name || type.startsWith(`${name}.`)

/** `volume.create,job` → its words. ConvoyError `invalid-argument` when one stands for no type. */
export function parseEventTypes(text: string): readonly string[] {
  const words = text.split(',')
  const unknown = words.find((word) => !eventTypes.some((type) => isOfClass(type, word)))
  if (unknown === undefined) return words
  const nearest = findNearestWord(unknown, eventTypes)
  throw new ConvoyError('invalid-argument', `${quote(unknown)} is no type of event`, {
    hint:
      (nearest === undefined ? '' : `did you mean ${nearest}? `) +
      `the types are: ${eventTypes.join(', ')}; the part before a dot stands for all of its types`,
  })
}

/** Where to begin: behind the event with this id, or at this time. */
export type EventsSince = { readonly id: number } | { readonly time: string }

/** From an id, an ISO 8601 time, or how long ago (`10m`). */
export function parseEventsSince(text: string, now: Date): EventsSince {
  if (/^\d{1,15}$/.test(text)) return { id: Number(text) }
  if (/^\d{1,6}[smhd]$/.test(text)) return { time: new Date(now.getTime() - parseDurationMs(text)).toISOString() }
  const ms = /^\d{4}-\d{2}-\d{2}(?:$|[T ])/.test(text) ? Date.parse(text) : NaN
  if (!Number.isNaN(ms)) return { time: new Date(ms).toISOString() }
  throw new ConvoyError('invalid-argument', `${quote(text)} is neither the id of an event nor a time`, {
    hint: 'use an id, a time like 2026-11-20T07:00:00Z, or how long ago: 10m, 2h, 7d',
  })
}

const quote = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
