import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { ConvoyError } from '../errors.js'
import { AnsweredMethods } from './answered-methods.js'
import type { ApiDeps } from './api-deps.js'
import { registerDockerPlugin } from './docker-plugin.js'
import { compileWhenNeeded } from './compilers.js'
import { errorBody } from './error-response.js'

/** Answers Docker's protocol; the control server does so too, because old hosts' `.spec` files point there. */
export function createPluginServer(deps: ApiDeps, methods = new AnsweredMethods()): FastifyInstance {
  const app = createServer(methods)
  app.register((scope, _options, done) => {
    registerDockerPlugin(scope, deps)
    done()
  })
  return app
}

function createServer(methods: AnsweredMethods): FastifyInstance {
  const app = fastify({
    bodyLimit: 1024 * 1024,
    // A volume's name has up to 128 characters; a longer one gets an answer of ours.
    routerOptions: { maxParamLength: 4096 },
  })
  // Docker keeps connections for ever and races with whoever closes them; fastify ignores 0 in its own options.
  app.server.keepAliveTimeout = 0
  app.server.requestTimeout = 0
  app.server.headersTimeout = 0
  app.server.timeout = 0
  compileWhenNeeded(app)
  app.setNotFoundHandler((request, reply) => refuseRoute(request, reply, methods.of(request.url)))
  return app
}

function refuseRoute({ method, url }: FastifyRequest, reply: FastifyReply, answered: readonly string[]): void {
  if (answered.length === 0) {
    void reply.code(404).send(errorBody(new ConvoyError('not-found', `there is no ${method} ${url}`)))
    return
  }
  void reply.header('allow', answered.join(', '))
  if (method === 'OPTIONS') {
    void reply.code(204).send()
    return
  }
  const error = new ConvoyError('invalid-argument', `there is no ${method} ${url}`, {
    hint: `it answers ${answered.join(', ')}`,
  })
  void reply.code(405).send(errorBody(error))
}
