import fastify, { type FastifyInstance } from 'fastify'
import { ConvoyError } from '../errors.js'
import type { ApiDeps } from './api-deps.js'
import { registerDockerPlugin } from './docker-plugin.js'
import { errorBody } from './error-response.js'

/** Answers Docker's protocol; the control server does so too, because old hosts' `.spec` files point there. */
export function createPluginServer(deps: ApiDeps): FastifyInstance {
  const app = createServer()
  app.register((scope, _options, done) => {
    registerDockerPlugin(scope, deps)
    done()
  })
  return app
}

function createServer(): FastifyInstance {
  const app = fastify({
    bodyLimit: 1024 * 1024,
    // A volume's name has up to 128 characters; a longer one gets an answer of ours.
    routerOptions: { maxParamLength: 4096 },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false } },
  })
  // Docker keeps connections for ever and races with whoever closes them; fastify ignores 0 in its own options.
  app.server.keepAliveTimeout = 0
  app.server.requestTimeout = 0
  app.server.headersTimeout = 0
  app.server.timeout = 0
  app.setNotFoundHandler((request, reply) => {
    const error = new ConvoyError('not-found', `there is no ${request.method} ${request.url}`)
    void reply.code(404).send(errorBody(error))
  })
  return app
}
