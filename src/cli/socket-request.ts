import type { IncomingMessage } from 'node:http'
import { codeOf, ConvoyError } from '../errors.js'
import { oneLine } from './terminal.js'

export interface SocketRequest {
  readonly socketPath: string
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: unknown
  /** How long the daemon may stay silent. */
  readonly timeoutMs: number
}

/** A request whose answer has no end. */
export interface StreamRequest extends Pick<SocketRequest, 'socketPath' | 'path' | 'timeoutMs'> {
  readonly headers?: Readonly<Record<string, string>>
  readonly onText: (text: string) => void
}

export interface SocketAnswer {
  readonly status: number
  readonly text: string
}

/** 10,000 volumes are about 10 MiB; what is larger was not sent by our daemon. */
export const mostAnswerBytes = 64 * 1024 * 1024

/** One HTTP request on a connection of its own. Any answer resolves, whatever its status; no answer is a ConvoyError. */
export async function sendRequest(request: SocketRequest): Promise<SocketAnswer> {
  // Loaded here, because `--help` and `--version` do without it.
  const [http, { connect }] = await Promise.all([import('node:http'), import('node:net')])
  const body = request.body === undefined ? undefined : JSON.stringify(request.body)
  const { socketPath, method, path, timeoutMs: timeout } = request
  return new Promise((resolve, reject) => {
    // Without an agent, which would look whether "convoy" is the address of a host: that takes longer than the request.
    const createConnection = () => connect({ path: socketPath, timeout })
    const sent = http.request({ createConnection, method, path, timeout, headers: headersFor(body) })
    const fail = (error: unknown) => {
      reject(translate(error, request))
    }
    sent.once('response', (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), fail)
    })
    sent.once('timeout', () => sent.destroy(silence(request)))
    sent.once('error', fail)
    sent.end(body)
  })
}

/**
 * Hands over the text of a 200 answer as it comes, and resolves when the daemon ends it; to the answer, when it has another status.
 * Silence of more than `timeoutMs`, and a connection that breaks, are ConvoyErrors.
 */
export async function streamRequest(request: StreamRequest): Promise<SocketAnswer | undefined> {
  const http = await import('node:http')
  const { socketPath, path, timeoutMs: timeout, headers, onText } = request
  return new Promise((resolve, reject) => {
    const sent = http.request({ socketPath, path, timeout, agent: false, headers: { host: 'convoy', ...headers } })
    const fail = (error: unknown) => reject(translate(error, request))
    sent.once('response', (response) => {
      const { statusCode = 0 } = response
      const done = statusCode === 200 ? handOver(response, onText) : readText(response)
      done.then((text) => resolve(text === undefined ? undefined : { status: statusCode, text }), fail)
    })
    sent.once('timeout', () => sent.destroy(silence(request)))
    sent.on('error', fail)
    sent.end()
  })
}

async function handOver(response: IncomingMessage, onText: (text: string) => void): Promise<undefined> {
  // With an encoding the pieces are texts.
  for await (const text of response.setEncoding('utf8') as AsyncIterable<string>) onText(text)
}

function headersFor(body: string | undefined): Record<string, string | number> {
  if (body === undefined) return { host: 'convoy' }
  return { host: 'convoy', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  // A response without an encoding yields buffers.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > mostAnswerBytes) throw new ConvoyError('internal', 'the daemon sent an answer without end')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

function silence(request: Pick<SocketRequest, 'socketPath' | 'timeoutMs'>): ConvoyError {
  const seconds = Math.ceil(request.timeoutMs / 1000)
  return new ConvoyError('deadline-exceeded', `the daemon at ${request.socketPath} was silent for ${seconds} s`, {
    hint: 'it may still finish: see "convoy list", "convoy jobs" and the log of the daemon',
  })
}

/** What the system says about a socket, as something to do about it. */
function translate(thrown: unknown, request: Pick<SocketRequest, 'socketPath'>): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const [message, hint] = describeFailure(codeOf(thrown), oneLine(request.socketPath))
  return new ConvoyError('unavailable', message, { hint, cause: thrown })
}

function describeFailure(code: string, socketPath: string): readonly [message: string, hint: string] {
  switch (code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return [`no daemon at ${socketPath}`, 'start it with "sudo convoy daemon", or name its socket with --socket']
    case 'ECONNREFUSED':
      return [`nothing answers at ${socketPath}`, 'the daemon is not running; start it with "sudo convoy daemon"']
    case 'EACCES':
    case 'EPERM':
      return [`permission denied on ${socketPath}`, 'only root may command the daemon; repeat this with sudo']
    case 'EINVAL':
    case 'ENAMETOOLONG':
      return [`${socketPath} cannot be the path of a socket`, 'a path of at most 107 bytes works']
    case 'ECONNRESET':
    case 'EPIPE':
      return [
        `the daemon at ${socketPath} closed the connection before it had answered`,
        'it may be starting or stopping: repeat this in a moment, and see the log of the daemon',
      ]
    default:
      return [`talking to ${socketPath} failed${code && `: ${code}`}`, 'is a convoy daemon behind this socket?']
  }
}
