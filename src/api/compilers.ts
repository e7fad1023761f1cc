import { AjvCompiler } from '@fastify/ajv-compiler'
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler'
import type { FastifyInstance } from 'fastify'

const customOptions = { removeAdditional: false, coerceTypes: false } as const
const validators = once(() => AjvCompiler()({}, { customOptions }))
const serializers = once(() => SerializerSelector()({}, {}))

/** Has the schema of a route compiled when a request first needs it: all of them take longer than the rest of a start. */
export function compileWhenNeeded(app: FastifyInstance): void {
  app.setValidatorCompiler((route) => {
    const validator = once(() => validators()(route))
    const check = (data: unknown) => {
      // Asynchronous schemas there are none.
      const isRight = validator()(data) === true
      // Where fastify looks for them.
      check.errors = validator().errors ?? []
      return isRight
    }
    check.errors = [] as NonNullable<ReturnType<typeof validator>['errors']>
    return check
  })
  app.setSerializerCompiler((route) => {
    const serializer = once(() => serializers()({ ...route, httpStatus: route.httpStatus ?? '' }))
    return (document) => serializer()(document)
  })
}

function once<T extends object>(make: () => T): () => T {
  let made: T | undefined
  return () => (made ??= make())
}
