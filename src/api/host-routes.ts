import { Type } from 'typebox'
import type { Core } from '../core/core.js'
import { optional } from '../model/optional.js'
import { formatSize } from '../model/size.js'
import { fullness, type Space } from '../model/space.js'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'
import { driversDocument, infoDocument, mountsDocument, nothingDocument, readyDocument } from './schemas.js'

/** The daemon itself: what it is, whether it is well, which drivers it runs. */
export function registerHostRoutes(app: ControlScope, deps: ApiDeps): void {
  const { core } = deps
  const answering = Type.Object({ status: Type.Literal('ok') }, { description: 'the daemon answers' })
  app.get('/healthz', { schema: { response: { 200: answering } } }, () => ({ status: 'ok' as const }))
  app.get('/readyz', { schema: { response: { 200: readyDocument, 503: readyDocument } } }, (_request, reply) => {
    const reason = unreadiness(core)
    void reply.code(reason === undefined ? 200 : 503)
    return { ready: reason === undefined, ...optional('reason', reason) }
  })
  app.get('/v1/info', { schema: { response: { 200: infoDocument } } }, () => ({
    General: { ...deps.general, Version: deps.version, Degraded: core.volumes.degraded?.sentence },
    ...Object.fromEntries(core.volumes.listDrivers().map((driver) => [driver.name, describe(driver, core)])),
  }))
  app.get('/v1/drivers', { schema: { response: { 200: driversDocument } } }, () =>
    core.volumes.listDrivers().map((driver, index) => ({
      name: driver.name,
      isDefault: index === 0,
      attachMode: driver.attachMode,
      description: driver.describe(),
      volumeOptions: Object.entries(driver.volumeOptions).map(([name, { placeholder, help }]) => ({
        name,
        placeholder,
        help,
      })),
    })),
  )
  app.get('/v1/mounts', { schema: { response: { 200: mountsDocument } } }, () => [...core.mounts.list()])
  app.post('/v1/reconcile', { schema: { response: { 200: nothingDocument } } }, (_request, reply) =>
    run(deps, reply, async (call) => {
      await core.reconciliation.run(call)
      return {}
    }),
  )
}

function describe(driver: ReturnType<Core['volumes']['listDrivers']>[number], core: Core) {
  const spaces = core.capacity.list().filter((space) => space.driver === driver.name)
  return {
    ...driver.describe(),
    ...(spaces.length === 0
      ? {}
      : { Space: Object.fromEntries(spaces.map((space) => [space.storage, describeSpace(space)])) }),
    ...optional('Unavailable', core.availability.reasons.get(driver.name)),
  }
}

function describeSpace(space: Space): string {
  const { freeBytes, sizeBytes } = space
  return `${formatSize(freeBytes)} of ${formatSize(sizeBytes)} free, ${Math.floor(fullness(space) * 100)}% full`
}

function unreadiness({ volumes, mounts }: Core): string | undefined {
  const refusal = volumes.degraded ?? mounts.refusal
  if (refusal !== undefined) return refusal.sentence
  return volumes.isComplete ? undefined : 'the storage is still being read'
}
