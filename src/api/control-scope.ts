import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { CallContext } from '../model/call-context.js'
import type { ApiDeps } from './api-deps.js'
import { Deadline } from './deadline.js'

/** Where the routes of the control API are registered: their handlers' types come from their schemas. */
export type ControlScope = ReturnType<typeof controlScope>

export function controlScope(app: FastifyInstance) {
  return app.withTypeProvider<TypeBoxTypeProvider>()
}

/** Longer than any driver needs; the client decides how long it waits. */
const timeoutMs = 10 * 60_000

/** Runs what may take a while: it ends when the client hangs up. */
export function run<T>(
  deps: ApiDeps,
  reply: Pick<FastifyReply, 'raw'>,
  act: (call: CallContext) => Promise<T>,
): Promise<T> {
  return new Deadline(reply.raw, timeoutMs, deps).run(act)
}
