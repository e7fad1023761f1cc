import { optional } from '../model/optional.js'
import type { TrashedVolume } from '../model/volume.js'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'
import { nameOrIdParameter, trashDocument } from './schemas.js'

/** Deleted volumes. They come back by `POST /v1/volumes/:name/undelete`. */
export function registerTrashRoutes(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const response = { 200: trashDocument }
  app.get('/v1/trash', { schema: { response } }, () => core.trash.list().map(entryDocument))
  app.delete('/v1/trash', { schema: { response } }, (_request, reply) =>
    run(deps, reply, async (call) => (await core.trash.empty(core.trash.list(), call)).map(entryDocument)),
  )
  app.delete('/v1/trash/:id', { schema: { params: nameOrIdParameter, response } }, ({ params }, reply) =>
    run(deps, reply, async (call) => (await core.trash.empty([core.trash.find(params.id)], call)).map(entryDocument)),
  )
}

function entryDocument({ id, name, driver, state, createdAt, trashedAt, expiresAt, sizeBytes }: TrashedVolume) {
  return { id, name, driver, state, createdAt, trashedAt, expiresAt, ...optional('sizeBytes', sizeBytes) }
}
