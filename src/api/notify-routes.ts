import { Type } from 'typebox'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'

const targetsDocument = Type.Array(
  Type.Object({
    name: Type.String(),
    kind: Type.String({ description: 'webhook or command' }),
    destination: Type.String({ description: 'where its events go, without what may be secret' }),
    types: Type.Array(Type.String(), { description: 'of events; none means all' }),
    severity: Type.String({ description: 'the least that it is told of' }),
    state: Type.String({ description: 'idle, delivering or failing' }),
    lastId: Type.Integer({ description: 'everything up to this event has been told, or was not wanted' }),
    pending: Type.Integer({ description: 'events that wait, as far as they were counted' }),
    hasMorePending: Type.Boolean({ description: 'more than were counted' }),
    failingSince: Type.Optional(Type.String()),
    lastError: Type.Optional(Type.String()),
    lastErrorAt: Type.Optional(Type.String()),
  }),
  { description: 'the targets of notifications' },
)

const testBody = Type.Object(
  { targets: Type.Optional(Type.Array(Type.String(), { description: 'none means all' })) },
  { additionalProperties: false },
)

const testDocument = Type.Array(
  Type.Object({
    target: Type.String(),
    isDelivered: Type.Boolean(),
    error: Type.Optional(Type.String({ description: 'what went wrong' })),
  }),
  { description: 'what became of each test' },
)

/** Who is told of events, and whether that works. */
export function registerNotifyRoutes(app: ControlScope, deps: ApiDeps): void {
  const { notifications } = deps
  app.get('/v1/notify', { schema: { response: { 200: targetsDocument } } }, async () =>
    (await notifications.list()).map((report) => ({ ...report, types: [...report.types] })),
  )
  const schema = { body: testBody, response: { 200: testDocument } }
  app.post('/v1/notify/test', { schema }, ({ body }, reply) =>
    run(deps, reply, async () => [...(await notifications.test(body.targets ?? []))]),
  )
}
