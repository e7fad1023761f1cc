import { Type } from 'typebox'
import { ConvoyError } from '../errors.js'
import { type EventFilter, parseEventTypes } from '../model/event.js'
import { optional } from '../model/optional.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { ApiDeps } from './api-deps.js'
import type { ControlScope } from './control-scope.js'
import { EventSubscribers } from './event-subscribers.js'

const eventsQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'behind this id, or from this time on: ISO 8601, or how long ago (10m); the default is now',
      }),
    ),
    follow: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], {
        description: 'false: all there is, and no more; the default is true',
      }),
    ),
    type: Type.Optional(Type.String({ maxLength: 512, description: 'types or classes of them, with commas between' })),
    volume: Type.Optional(Type.String({ maxLength: 256, description: 'the name of a volume' })),
  },
  { additionalProperties: false },
)

/** `GET /v1/events`: what happens, as server-sent events, from now on or from where somebody was. */
export function registerEventsRoute(app: ControlScope, deps: ApiDeps): void {
  const { events } = deps.core
  const subscribers = new EventSubscribers(events, deps)
  const description = 'server-sent events; the id of each is where to resume, with ?since= or Last-Event-ID'
  const schema = {
    querystring: eventsQuery,
    produces: ['text/event-stream'],
    response: { 200: Type.String({ description }) },
  }
  // Nothing but its head would never end.
  app.get('/v1/events', { schema, exposeHeadRoute: false }, async ({ query, headers }, reply) => {
    const filter = parseFilter(query)
    const text = readLastId(headers['last-event-id']) ?? query.since
    const since = text === undefined ? undefined : events.parseSince(text)
    const { degraded } = events
    if (degraded !== undefined) {
      reply.hijack()
      subscribers.hold(reply.raw, filter, degraded)
      if (query.follow === 'false') reply.raw.end()
      return
    }
    const isFinite = query.follow === 'false'
    const start = since === undefined && !isFinite ? undefined : await events.startAt(since ?? events.beginning)
    if (reply.raw.destroyed) return
    reply.hijack()
    if (isFinite && start !== undefined) subscribers.finish(reply.raw, filter, start)
    else subscribers.follow(reply.raw, filter, start)
  })
}

function parseFilter({ type, volume }: { readonly type?: string; readonly volume?: string }): EventFilter {
  const types = type === undefined ? [] : parseEventTypes(type)
  return { types, ...optional('volume', volume === undefined ? undefined : parseVolumeName(volume)) }
}

/** Sent by a client that resumes; it counts more than the address, which stays what it was at the first time. */
function readLastId(header: string | readonly string[] | undefined): string | undefined {
  if (header === undefined || header === '') return undefined
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return header
  throw new ConvoyError('invalid-argument', 'Last-Event-ID is not the id of an event')
}
