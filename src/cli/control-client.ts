import { ConvoyError, type ErrorCode } from '../errors.js'
import { optional } from '../model/optional.js'
import { sendRequest, type SocketAnswer, type SocketRequest, streamRequest } from './socket-request.js'
import { oneLine } from './terminal.js'

/** Longer than any deadline of the daemon, so that its answer arrives rather than this. */
const defaultTimeoutMs = 11 * 60_000

export interface ControlClientOptions {
  readonly socketPath: string
  readonly timeoutMs?: number
  /** Told of every exchange, for `--debug`. */
  readonly onExchange?: (sentence: string) => void
}

export interface StreamCall {
  readonly path: string
  readonly lastId?: string
  readonly longestSilenceMs: number
  readonly onText: (text: string) => void
}

/** The daemon's control API. Every method resolves to the JSON of a 2xx answer, unchecked, or throws the daemon's own error. */
export class ControlClient {
  readonly #options: ControlClientOptions

  constructor(options: ControlClientOptions) {
    // An empty path would make node:http connect to localhost:80.
    if (options.socketPath === '') throw new ConvoyError('invalid-argument', '--socket needs the path of a socket')
    this.#options = options
  }

  get socketPath(): string {
    return this.#options.socketPath
  }

  get(path: string): Promise<unknown> {
    return this.#exchange({ method: 'GET', path })
  }

  post(path: string, body: unknown): Promise<unknown> {
    return this.#exchange({ method: 'POST', path, body })
  }

  delete(path: string): Promise<unknown> {
    return this.#exchange({ method: 'DELETE', path })
  }

  /** Hands over the text of server-sent events as it comes, from behind `lastId`; resolves when the daemon ends the answer. */
  async stream({ path, lastId, longestSilenceMs: timeoutMs, onText }: StreamCall): Promise<void> {
    const { socketPath, onExchange } = this.#options
    const headers = lastId === undefined ? {} : { 'last-event-id': lastId }
    const refusal = await streamRequest({ socketPath, path, timeoutMs, headers, onText })
    onExchange?.(`GET ${path} at ${socketPath}: ${refusal?.status ?? 'ended'}`)
    if (refusal !== undefined) understand(refusal, socketPath)
  }

  async #exchange(call: Pick<SocketRequest, 'method' | 'path' | 'body'>): Promise<unknown> {
    const { socketPath, timeoutMs = defaultTimeoutMs, onExchange } = this.#options
    const answer = await sendRequest({ ...call, socketPath, timeoutMs })
    onExchange?.(`${call.method} ${call.path} at ${socketPath}: ${answer.status}, ${answer.text.length} characters`)
    return understand(answer, socketPath)
  }
}

function understand({ status, text }: SocketAnswer, socketPath: string): unknown {
  const json = parseJson(text)
  const isSuccess = status >= 200 && status < 300
  if (isSuccess && json !== undefined) return json
  throw (isSuccess ? undefined : readError(json)) ?? strangeAnswer(`${status} ${excerpt(text)}`, socketPath)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** An answer that no Convoy daemon gives. */
function strangeAnswer(answer: string, socketPath: string): ConvoyError {
  return new ConvoyError('internal', `${socketPath} gave an answer that makes no sense: ${answer}`, {
    hint: 'is a convoy daemon of this version behind this socket?',
  })
}

function excerpt(text: string): string {
  const line = oneLine(text.slice(0, 400))
  if (line === '') return '(empty)'
  return line.length > 200 ? `${line.slice(0, 200)}…` : line
}

const errorCodes: Readonly<Record<ErrorCode, true>> = {
  'invalid-argument': true,
  'not-found': true,
  'already-exists': true,
  'in-use': true,
  unsupported: true,
  unavailable: true,
  'deadline-exceeded': true,
  damaged: true,
  internal: true,
}

const isErrorCode = (text: string): text is ErrorCode => Object.hasOwn(errorCodes, text)

/** The daemon's error out of `{"error": {"code", "message", "hint"?}}`. A code of a later version counts as internal. */
function readError(json: unknown): ConvoyError | undefined {
  const error = findField(json, 'error')
  const message = findField(error, 'message')
  if (typeof message !== 'string') return undefined
  const code = findField(error, 'code')
  const hint = findField(error, 'hint')
  return new ConvoyError(
    typeof code === 'string' && isErrorCode(code) ? code : 'internal',
    message,
    optional('hint', typeof hint === 'string' ? hint : undefined),
  )
}

/** A field of a JSON object; undefined when there is no such field, or no object. */
export function findField(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, name)) return undefined
  // It is an object and has this property.
  return (json as Readonly<Record<string, unknown>>)[name]
}

/** A field that an answer of this daemon always has. */
export function getText(json: unknown, name: string): string {
  const value = findField(json, name)
  if (typeof value === 'string') return value
  throw new ConvoyError('internal', `the daemon answered without a ${name}`, {
    hint: 'command and daemon may differ in version: compare "convoy --version" with "convoy info"',
  })
}
