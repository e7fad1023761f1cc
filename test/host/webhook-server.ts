import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'

export interface Posted {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answer = (response: ServerResponse) => void

/** An HTTP server on the loopback that answers as it is told, by path. */
export class WebhookServer {
  readonly posted: Posted[] = []
  /** How many of those who got no answer have gone. */
  hungUp = 0
  readonly answers: Readonly<Record<string, Answer>> = {
    '/ok': (response) => response.end('thank you'),
    '/broken': (response) => response.writeHead(500).end('no\n way'),
    '/redirect': (response) => response.writeHead(302, { location: '/ok' }).end(),
    '/hang': (response) => void response.once('close', () => this.hungUp++),
    '/hang-in-body': (response) => void response.writeHead(200).write('I have it, and'),
    '/closed': (response) => response.destroy(),
    '/huge': (response) => pour(response),
    '/huge-error': (response) => pour(response.writeHead(503)),
  }
  readonly #server: Server

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response))
  }

  static async start(t: Pick<Test, 'teardown'>): Promise<WebhookServer> {
    const server = new WebhookServer()
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      server.#server.closeAllConnections()
      return new Promise((resolve) => server.#server.close(resolve))
    })
    return server
  }

  /** Nobody listens there any more. */
  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  url(path: string): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${String(port)}${path}`
  }

  /** The JSON of what was posted to a path, in order. */
  events(path: string): readonly Readonly<Record<string, unknown>>[] {
    const all = this.posted.filter(({ url }) => url === path)
    return all.map(({ body }) => JSON.parse(body) as Readonly<Record<string, unknown>>)
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { url = '', headers } = request
    this.posted.push({ url, headers, body: await text(request) })
    const answer = this.answers[url.replace(/\?.*/, '')] ?? ((unknown) => unknown.writeHead(404).end())
    answer(response)
  }
}

/** Until the other end has enough. */
function pour(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(65_536)));
  }
  response.on('drain', more)
  more()
}
