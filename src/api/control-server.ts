import type { FastifyInstance } from 'fastify'
import { AnsweredMethods } from './answered-methods.js'
import type { ApiDeps } from './api-deps.js'
import { registerControl } from './control.js'
import { createPluginServer } from './server.js'

/** Answers the command line, and Docker's protocol as well. */
export function createControlServer(deps: ApiDeps): FastifyInstance {
  const methods = new AnsweredMethods()
  const app = createPluginServer(deps, methods)
  app.register((scope) => {
    scope.addHook('onRoute', ({ url, method }) => methods.note(url, method))
    return registerControl(scope, deps)
  })
  return app
}
