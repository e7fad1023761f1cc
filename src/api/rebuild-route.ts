import { Type } from 'typebox'
import { differenceKinds } from '../model/rebuild-report.js'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'

const body = Type.Object(
  { dryRun: Type.Optional(Type.Boolean({ description: 'only say what differs' })) },
  { additionalProperties: false },
)

const report = Type.Object(
  {
    volumes: Type.Integer({ description: 'what the storage holds, with forgotten and deleted volumes' }),
    differences: Type.Array(
      Type.Object({
        kind: Type.Enum(differenceKinds),
        name: Type.String(),
        id: Type.String(),
        driver: Type.String(),
      }),
    ),
    isNewDatabase: Type.Boolean({ description: 'the one that there was cannot be used' }),
  },
  { description: 'how the storage and the database differ, or differed until now' },
)

/** What `convoy rebuild` asks for. */
export function registerRebuildRoute(app: ControlScope, deps: ApiDeps): void {
  const { rebuild } = deps.core
  app.post('/v1/rebuild', { schema: { body, response: { 200: report } } }, ({ body: { dryRun } }, reply) =>
    run(deps, reply, async (call) => {
      const { differences, ...rest } = dryRun === true ? await rebuild.plan(call) : await rebuild.run(call)
      return { ...rest, differences: [...differences] }
    }),
  )
}
