import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { ApiDeps } from './api-deps.js'
import { Deadline } from './deadline.js'
import { PluginRequest } from './plugin-request.js'
import { VolumeListing } from './volume-listing.js'

/** Docker gives up after 120 s on Create and after 60 s on the rest; we answer before that. What Mount may take is configured. */
const longMs = 100_000
const shortMs = 45_000

const getPath = '/VolumeDriver.Get'
const contentType = 'application/vnd.docker.plugins.v1.2+json'

type Answer = Readonly<Record<string, unknown>>
type Act = (request: PluginRequest, call: CallContext) => Promise<Answer>

/**
 * Docker's VolumeDriver protocol. Errors are answered with status 200 and `Err`, which Docker shows as it is. `Get` is
 * different: any error there makes Docker forget the volume's labels and options, so what is not certain is not answered.
 */
export function registerDockerPlugin(app: FastifyInstance, deps: ApiDeps): void {
  const { core } = deps
  const listing = new VolumeListing(deps)

  // Docker sends no content type, and an empty body when it repeats a request whose connection broke.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.setErrorHandler((error, request, reply) => {
    if (request.routeOptions.url === getPath) hangUp(reply)
    else void send(reply, { Err: toConvoyError(error).sentence })
  })

  app.post('/Plugin.Activate', (_request, reply) => {
    core.reconciliation.beginEpoch()
    return send(reply, { Implements: ['VolumeDriver'] })
  })
  app.post('/VolumeDriver.Capabilities', (_request, reply) => send(reply, { Capabilities: { Scope: 'local' } }))
  app.post('/VolumeDriver.List', (_request, reply) => sendBytes(reply, listing.answer()))
  app.post(getPath, (request, reply) => get(request, reply, deps, listing))
  app.post('/VolumeDriver.Path', (request, reply) =>
    answer(request, reply, ({ name }) => ({ Mountpoint: core.volumes.get(name).mountpoint ?? '' })),
  )

  const change = (path: string, timeoutMs: () => number, act: Act, undo?: Act) =>
    app.post(path, (request, reply) => carryOut(request, reply, { deps, timeoutMs: timeoutMs(), act, undo }))

  change(
    '/VolumeDriver.Create',
    () => longMs,
    async ({ name, options }, call) => {
      await core.volumes.create(name, options, call)
      return {}
    },
  )
  change(
    '/VolumeDriver.Remove',
    () => shortMs,
    async ({ name }, call) => {
      await core.removal.removeForDocker(name, call)
      return {}
    },
  )
  change(
    '/VolumeDriver.Mount',
    () => deps.mountDeadlineMs,
    async ({ name, id }, call) => {
      if (deps.createOnDockerMount && core.volumes.find(name) === undefined) await core.volumes.create(name, {}, call)
      return { Mountpoint: await core.mounts.mount(name, id, call) }
    },
    unmount,
  )
  change('/VolumeDriver.Unmount', () => shortMs, unmount)

  async function unmount({ name, id }: PluginRequest, call: CallContext): Promise<Answer> {
    await core.mounts.unmount(name, id, call)
    return {}
  }
}

interface Change {
  readonly deps: ApiDeps
  readonly timeoutMs: number
  readonly act: Act
  /** Undoes the act when nobody waited for its result. */
  readonly undo: Act | undefined
}

async function carryOut(request: FastifyRequest, reply: FastifyReply, change: Change): Promise<FastifyReply> {
  const { deps, timeoutMs, act, undo } = change
  if (isEmpty(request)) return send(reply, { Err: 'the request arrived without its body: repeat it' })
  let result: Answer
  try {
    const parsed = PluginRequest.parse(request.body)
    const deadline = new Deadline(reply.raw, timeoutMs, deps)
    result = await deadline.run(
      (call) => act(parsed, call),
      undo === undefined ? undefined : (call) => undo(parsed, call),
    )
  } catch (thrown) {
    const error = toConvoyError(thrown)
    deps.log.warn({ request: request.url, code: error.code, err: thrown }, 'request refused')
    result = { Err: error.sentence }
  }
  return send(reply, result)
}

/** A known volume is answered from memory. For one that is not known yet there is a little time; then the connection ends. */
async function get(
  request: FastifyRequest,
  reply: FastifyReply,
  deps: ApiDeps,
  listing: VolumeListing,
): Promise<FastifyReply> {
  const { core, log } = deps
  let result: Answer
  try {
    if (isEmpty(request)) throw new ConvoyError('unavailable', 'the request arrived without its body')
    const { name } = PluginRequest.parse(request.body)
    const settled = () => core.volumes.getSettled(name, { signal: AbortSignal.timeout(shortMs), log })
    result = { Volume: listing.detail(core.volumes.find(name) ?? (await settled())) }
  } catch (thrown) {
    const isAbsent = isConvoyError(thrown, 'not-found') || isConvoyError(thrown, 'invalid-argument')
    if (!isAbsent) {
      log.warn({ err: thrown }, 'Get is not answered: it is not known whether the volume exists')
      return hangUp(reply)
    }
    result = { Err: noSuchVolume(thrown) }
  }
  return send(reply, result)
}

/** Docker recognises an absent volume by these words. A name that breaks the rule names no volume. */
function noSuchVolume(error: ConvoyError): string {
  return error.code === 'not-found' ? error.message : `no such volume: ${error.message}`
}

function answer(request: FastifyRequest, reply: FastifyReply, act: (request: PluginRequest) => Answer): FastifyReply {
  try {
    return send(reply, act(PluginRequest.parse(request.body)))
  } catch (thrown) {
    return send(reply, { Err: toConvoyError(thrown).sentence })
  }
}

/** Ends the connection without an answer: to Docker a network failure, which it repeats and then reports, forgetting nothing. */
function hangUp(reply: FastifyReply): FastifyReply {
  reply.hijack()
  reply.raw.destroy()
  return reply
}

function isEmpty(request: FastifyRequest): boolean {
  return typeof request.body !== 'string' || request.body.trim() === ''
}

function send(reply: FastifyReply, body: Answer): FastifyReply {
  return sendBytes(reply, JSON.stringify(body))
}

function sendBytes(reply: FastifyReply, body: string | Buffer): FastifyReply {
  return reply.code(200).header('content-type', contentType).send(body)
}
