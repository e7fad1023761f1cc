import type { FastifyInstance, FastifyReply } from 'fastify'
import { type Static, Type } from 'typebox'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Job } from '../model/job.js'
import { commandLineMountId } from '../model/mount.js'
import type { Volume } from '../model/volume.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { ApiDeps } from './api-deps.js'
import { Deadline } from './deadline.js'
import { errorBody, statusOf } from './error-response.js'
import { volumeJson } from './volume-json.js'

const named = Type.Object({ name: Type.String() })
const identified = Type.Object({ id: Type.String() })
const createBody = Type.Object(
  {
    name: Type.Optional(Type.String()),
    driver: Type.Optional(Type.String()),
    options: Type.Optional(Type.Record(Type.String(), Type.String())),
  },
  { additionalProperties: false },
)
const undeleteBody = Type.Object({ as: Type.Optional(Type.String()) }, { additionalProperties: false })
const mountBody = Type.Object({ mountpoint: Type.Optional(Type.String()) }, { additionalProperties: false })
const listQuery = Type.Object({ driver: Type.Optional(Type.String()) }, { additionalProperties: false })
const deleteQuery = Type.Object({ reference: Type.Optional(Type.String()) }, { additionalProperties: false })

type Named = Static<typeof named>
type Identified = Static<typeof identified>

const timeoutMs = 10 * 60_000

/** What the command line and scripts ask: JSON below `/v1`. */
export function registerControl(app: FastifyInstance, deps: ApiDeps): void {
  app.setErrorHandler((error, _request, reply) => void sendError(reply, error))
  app.get('/v1/info', () => ({
    General: { ...deps.general, Degraded: deps.degraded?.sentence },
    ...deps.core.volumes.describeDrivers(),
  }))
  app.post('/v1/reconcile', (_request, reply) =>
    run(deps, reply, async (call) => {
      await deps.core.reconciliation.run(call)
      return {}
    }),
  )
  registerVolumes(app, deps)
  registerChanges(app, deps)
  registerJobs(app, deps)
}

function registerVolumes(app: FastifyInstance, deps: ApiDeps): void {
  const { core } = deps
  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/v1/volumes',
    { schema: { querystring: listQuery } },
    async ({ query }) => {
      const volumes = core.volumes.list().filter(({ driver }) => query.driver === undefined || driver === query.driver)
      const entries = volumes.map(async (volume) => [volume.name, await show(deps, volume)] as const)
      return Object.fromEntries(await Promise.all(entries))
    },
  )
  app.get<{ Params: Named }>('/v1/volumes/:name', { schema: { params: named } }, ({ params }) =>
    show(deps, core.volumes.get(parseVolumeName(params.name))),
  )
}

function registerChanges(app: FastifyInstance, deps: ApiDeps): void {
  const { core } = deps
  app.post<{ Body: Static<typeof createBody> }>('/v1/volumes', { schema: { body: createBody } }, ({ body }, reply) =>
    run(deps, reply, async (call) => {
      const name = body.name === undefined ? undefined : parseVolumeName(body.name)
      const driver = body.driver === undefined ? {} : { driver: body.driver }
      void reply.code(201)
      return show(deps, await core.volumes.create(name, { ...body.options, ...driver }, call))
    }),
  )
  app.delete<{ Params: Named; Querystring: Static<typeof deleteQuery> }>(
    '/v1/volumes/:name',
    { schema: { params: named, querystring: deleteQuery } },
    ({ params, query }, reply) =>
      run(deps, reply, async (call) => {
        const name = parseVolumeName(params.name)
        await (query.reference === 'true' ? core.removal.forget(name, call) : core.removal.delete(name, call))
        return {}
      }),
  )
  app.post<{ Params: Named; Body: Static<typeof undeleteBody> }>(
    '/v1/volumes/:name/undelete',
    { schema: { params: named, body: undeleteBody } },
    ({ params, body }, reply) =>
      run(deps, reply, async (call) => {
        const as = body.as === undefined ? undefined : parseVolumeName(body.as)
        return show(deps, await core.removal.undelete(params.name, as, call))
      }),
  )
  app.post<{ Params: Named; Body: Static<typeof mountBody> }>(
    '/v1/volumes/:name/mount',
    { schema: { params: named, body: mountBody } },
    ({ params, body }, reply) =>
      run(deps, reply, async (call) => {
        if (body.mountpoint !== undefined) throw noOtherMountpoint(params.name)
        const { name, mountpoint } = core.volumes.get(parseVolumeName(params.name))
        // Mounting again is no second mount: there is one command line.
        if (core.mounts.referencesTo(name).some(({ id }) => id === commandLineMountId))
          return { MountPoint: mountpoint }
        return { MountPoint: await core.mounts.mount(name, commandLineMountId, call) }
      }),
  )
  app.post<{ Params: Named }>('/v1/volumes/:name/unmount', { schema: { params: named } }, ({ params }, reply) =>
    run(deps, reply, async (call) => {
      const { name } = core.volumes.get(parseVolumeName(params.name))
      await core.mounts.unmount(name, commandLineMountId, call)
      return {}
    }),
  )
}

function registerJobs(app: FastifyInstance, { core }: ApiDeps): void {
  const report = async (job: Job) => ({ ...job, progress: await core.jobs.progress(job) })
  const schema = { params: identified }
  app.get('/v1/jobs', () => Promise.all(core.jobs.list().map(report)))
  app.get<{ Params: Identified }>('/v1/jobs/:id', { schema }, ({ params }) => report(core.jobs.get(params.id)))
  app.post<{ Params: Identified }>('/v1/jobs/:id/cancel', { schema }, ({ params }) => core.jobs.cancel(params.id))
}

async function show({ core, log }: ApiDeps, volume: Volume) {
  const info = await core.volumes.inspect(volume, { signal: AbortSignal.timeout(1000), log })
  return volumeJson(volume, info, core.mounts.referencesTo(volume.name))
}

function run<T>(deps: ApiDeps, reply: FastifyReply, act: (call: CallContext) => Promise<T>): Promise<T> {
  return new Deadline(reply.raw, timeoutMs, deps).run(act)
}

function sendError(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = requestError(thrown) ?? toConvoyError(thrown)
  return reply.code(statusOf(error)).send(errorBody(error))
}

/** What fastify itself refuses, a body that does not fit its schema above all, is the client's mistake. */
function requestError(thrown: unknown): ConvoyError | undefined {
  const status: unknown = thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined
  if (typeof status !== 'number' || status >= 500) return undefined
  return new ConvoyError('invalid-argument', (thrown as Error).message)
}

function noOtherMountpoint(name: string): ConvoyError {
  return new ConvoyError('unsupported', 'a volume is mounted where its driver has it, not elsewhere', {
    hint: `convoy mount ${name}, then: mount --bind MOUNTPOINT DIRECTORY`,
  })
}
