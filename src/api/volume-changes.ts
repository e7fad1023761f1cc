import { Type } from 'typebox'
import { ConvoyError } from '../errors.js'
import { commandLineMountId } from '../model/mount.js'
import { parseSizeBytes } from '../model/size.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'
import {
  createBody,
  deleteQuery,
  mountBody,
  nameParameter,
  nothingDocument,
  renameBody,
  resizeBody,
  takeoverBody,
  undeleteBody,
  volumeDocument,
} from './schemas.js'
import { show } from './volume-routes.js'

const answer = { 200: volumeDocument }

/** What can be done to volumes. */
export function registerVolumeChanges(app: ControlScope, deps: ApiDeps): void {
  registerComing(app, deps)
  registerAltering(app, deps)
  registerTakeover(app, deps)
  registerMounting(app, deps)
}

function registerComing(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const create = { body: createBody, response: { 201: volumeDocument } }
  app.post('/v1/volumes', { schema: create }, ({ body }, reply) =>
    run(deps, reply, async (call) => {
      const name = body.name === undefined ? undefined : parseVolumeName(body.name)
      const driver = body.driver === undefined ? {} : { driver: body.driver }
      const created = await core.volumes.create(name, { ...body.options, ...driver }, call)
      return reply.code(201).send(await show(deps, created))
    }),
  )
  const undelete = { params: nameParameter, body: undeleteBody, response: answer }
  app.post('/v1/volumes/:name/undelete', { schema: undelete }, ({ params, body }, reply) =>
    run(deps, reply, async (call) => {
      const as = body.as === undefined ? undefined : parseVolumeName(body.as)
      return show(deps, await core.removal.undelete(params.name, as, call))
    }),
  )
  const remove = { params: nameParameter, querystring: deleteQuery, response: { 200: nothingDocument } }
  app.delete('/v1/volumes/:name', { schema: remove }, ({ params, query }, reply) =>
    run(deps, reply, async (call) => {
      const name = parseVolumeName(params.name)
      await (query.reference === 'true' ? core.removal.forget(name, call) : core.removal.delete(name, call))
      return {}
    }),
  )
}

function registerAltering(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const rename = { params: nameParameter, body: renameBody, response: answer }
  app.post('/v1/volumes/:name/rename', { schema: rename }, ({ params, body }, reply) =>
    run(deps, reply, async (call) => {
      const [from, to] = [parseVolumeName(params.name), parseVolumeName(body.name)]
      return show(deps, await core.alteration.rename(from, to, call))
    }),
  )
  const resize = { params: nameParameter, body: resizeBody, response: answer }
  app.post('/v1/volumes/:name/resize', { schema: resize }, ({ params, body }, reply) =>
    run(deps, reply, async (call) => {
      const sizeBytes = parseSizeBytes(body.size)
      return show(deps, await core.alteration.resize(parseVolumeName(params.name), sizeBytes, call))
    }),
  )
}

function registerTakeover(app: ControlScope, deps: ApiDeps): void {
  const schema = { params: nameParameter, body: takeoverBody, response: answer }
  app.post('/v1/volumes/:name/takeover', { schema }, ({ params, body }, reply) =>
    run(deps, reply, async (call) => {
      const isForced = body.force === true
      return show(deps, await deps.core.takeover.run(parseVolumeName(params.name), { isForced }, call))
    }),
  )
}

function registerMounting(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const mounted = Type.Object({ MountPoint: Type.String() }, { description: 'where the volume is on this host' })
  const mount = { params: nameParameter, body: mountBody, response: { 200: mounted } }
  app.post('/v1/volumes/:name/mount', { schema: mount }, ({ params, body }, reply) =>
    run(deps, reply, async (call) => {
      if (body.mountpoint !== undefined) throw noOtherMountpoint(params.name)
      const { name } = core.volumes.get(parseVolumeName(params.name))
      // Mounting again is no second mount: there is one command line.
      const isHeld = core.mounts.referencesTo(name).some(({ id }) => id === commandLineMountId)
      const mounted = isHeld ? core.mounts.mountAgain(name, call) : core.mounts.mount(name, commandLineMountId, call)
      return { MountPoint: await mounted }
    }),
  )
  const unmount = { params: nameParameter, response: { 200: nothingDocument } }
  app.post('/v1/volumes/:name/unmount', { schema: unmount }, ({ params }, reply) =>
    run(deps, reply, async (call) => {
      const { name } = core.volumes.get(parseVolumeName(params.name))
      await core.mounts.unmount(name, commandLineMountId, call)
      return {}
    }),
  )
}

function noOtherMountpoint(name: string): ConvoyError {
  return new ConvoyError('unsupported', 'a volume is mounted where its driver has it, not elsewhere', {
    hint: `convoy mount ${name}, then: mount --bind MOUNTPOINT DIRECTORY`,
  })
}
