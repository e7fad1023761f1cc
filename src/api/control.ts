import type { FastifyInstance, FastifyReply } from 'fastify'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { ApiDeps } from './api-deps.js'
import { registerConfigRoute } from './config-route.js'
import { controlScope } from './control-scope.js'
import { errorBody, statusOf } from './error-response.js'
import { registerDiagnosisRoute } from './diagnosis-route.js'
import { registerEventsRoute } from './events-route.js'
import { registerHostRoutes } from './host-routes.js'
import { registerInventoryRoute } from './inventory-route.js'
import { registerJobRoutes } from './job-routes.js'
import { describeRoutes } from './openapi.js'
import { registerNotifyRoutes } from './notify-routes.js'
import { registerRebuildRoute } from './rebuild-route.js'
import { registerTrashRoutes } from './trash-routes.js'
import { registerVolumeChanges } from './volume-changes.js'
import { registerVolumeRoutes } from './volume-routes.js'

/** What the command line and scripts ask: JSON below `/v1`, described by `/v1/openapi.json`. */
export async function registerControl(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  app.setErrorHandler((error, _request, reply) => void sendError(reply, error))
  await describeRoutes(app, deps.version)
  const scope = controlScope(app)
  registerHostRoutes(scope, deps)
  registerConfigRoute(scope, deps)
  registerVolumeRoutes(scope, deps)
  registerVolumeChanges(scope, deps)
  registerTrashRoutes(scope, deps)
  registerJobRoutes(scope, deps)
  registerRebuildRoute(scope, deps)
  registerEventsRoute(scope, deps)
  registerNotifyRoutes(scope, deps)
  registerDiagnosisRoute(scope, deps)
  registerInventoryRoute(scope, deps)
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
