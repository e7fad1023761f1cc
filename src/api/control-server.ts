import type { FastifyInstance } from 'fastify'
import type { ApiDeps } from './api-deps.js'
import { registerControl } from './control.js'
import { createPluginServer } from './server.js'

/** Answers the command line, and Docker's protocol as well. */
export function createControlServer(deps: ApiDeps): FastifyInstance {
  const app = createPluginServer(deps)
  app.register((scope) => registerControl(scope, deps))
  return app
}
