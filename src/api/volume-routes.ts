import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'
import {
  driverQuery,
  holdersDocument,
  nameParameter,
  usageDocument,
  volumeDocument,
  volumesDocument,
  type VolumeDocument,
  type VolumeSummary,
  volumeSummaries,
} from './schemas.js'
import { volumeJson } from './volume-json.js'

/** What can be asked about volumes. */
export function registerVolumeRoutes(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const list = { querystring: driverQuery, response: { 200: volumesDocument } }
  app.get('/v1/volumes', { schema: list }, async ({ query }) => {
    const volumes = core.volumes.list().filter(({ driver }) => query.driver === undefined || driver === query.driver)
    const entries = volumes.map(async (volume) => [volume.name, await show(deps, volume)] as const)
    return Object.fromEntries(await Promise.all(entries))
  })
  const summaries = { querystring: driverQuery, response: { 200: volumeSummaries } }
  app.get('/v1/summaries', { schema: summaries }, ({ query }) => summarise(deps, core.volumes.list(), query.driver))
  app.get('/v1/forgotten', { schema: summaries }, ({ query }) =>
    summarise(deps, core.volumes.listForgotten(), query.driver),
  )
  const one = { params: nameParameter, response: { 200: volumeDocument } }
  app.get('/v1/volumes/:name', { schema: one }, ({ params }) =>
    show(deps, core.volumes.get(parseVolumeName(params.name))),
  )
  registerQuestions(app, deps)
}

/** What takes a look at the kernel or at the storage. */
function registerQuestions(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const usage = { params: nameParameter, response: { 200: usageDocument } }
  app.get('/v1/volumes/:name/usage', { schema: usage }, ({ params }, reply) =>
    run(deps, reply, async (call) => {
      const volume = core.volumes.get(parseVolumeName(params.name))
      return { ...(await core.volumes.usage(volume, call)), ...optional('sizeBytes', volume.sizeBytes) }
    }),
  )
  const holders = { params: nameParameter, response: { 200: holdersDocument } }
  app.get('/v1/volumes/:name/holders', { schema: holders }, ({ params }, reply) =>
    run(deps, reply, async () => {
      const volume = core.volumes.get(parseVolumeName(params.name))
      const { references, containers, mounts } = await core.mounts.holders(volume)
      const named = containers === undefined ? {} : { containers: [...containers] }
      return { references: [...references], ...named, mounts: [...mounts] }
    }),
  )
}

export async function show({ core, log }: ApiDeps, volume: Volume): Promise<VolumeDocument> {
  const info = await core.volumes.inspect(volume, { signal: AbortSignal.timeout(1000), log })
  return volumeJson(volume, info, core.mounts.referencesTo(volume.name))
}

function summarise({ core }: ApiDeps, volumes: readonly Volume[], only: string | undefined): VolumeSummary[] {
  return volumes
    .filter(({ driver }) => only === undefined || driver === only)
    .map(({ name, id, driver, state, origin, createdAt, sizeBytes, mountpoint, options }) => {
      const mounts = core.mounts.referencesTo(name).reduce((sum, { count }) => sum + count, 0)
      const known = { name, id, driver, state, origin, mounts, createdAt, options, ...core.measurements.of({ id }) }
      return { ...known, ...optional('sizeBytes', sizeBytes), ...optional('mountpoint', mountpoint) }
    })
}
