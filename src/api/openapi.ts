import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { errorDocument } from './schemas.js'

/** Collects the schemas of all routes that are registered after it, and answers `/v1/openapi.json` with them. */
export async function describeRoutes(app: FastifyInstance, version: string): Promise<void> {
  app.addHook('onRoute', (route) => {
    const { schema } = route
    const errors = { '4xx': errorDocument, '5xx': errorDocument }
    const answers = typeof schema?.response === 'object' ? schema.response : {}
    if (schema !== undefined) route.schema = { ...schema, response: { ...answers, ...errors } }
  })
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Convoy', description: 'Volumes of one host, over a unix socket', version },
    },
  })
  app.get('/v1/openapi.json', () => app.swagger())
}
