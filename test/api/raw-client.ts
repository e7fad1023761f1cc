import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** One connection on which a test writes bytes, and sees what comes back byte for byte. */
export class RawClient {
  readonly #socket: Socket
  #received = ''
  #isClosed = false
  #wake: () => void = () => undefined

  private constructor(socket: Socket) {
    this.#socket = socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      this.#received += text
      this.#wake()
    })
    socket.on('close', () => {
      this.#isClosed = true
      this.#wake()
    })
  }

  static open(path: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect(path)
      socket.once('connect', () => resolve(new RawClient(socket)))
      // Later a reset is what some tests are about: `close` follows it.
      socket.on('error', reject)
    })
  }

  get isOpen(): boolean {
    return !this.#isClosed
  }

  /** Writes a request as Docker does, with an empty Host and no Content-Type unless `headers` has them. */
  request(path: string, body: string, headers?: readonly string[]): Promise<RawAnswer | 'closed'> {
    this.write(formatRequest(path, body, headers))
    return this.next()
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes)
  }

  /** The next answer, or `closed` when the connection ends without one. */
  async next(): Promise<RawAnswer | 'closed'> {
    for (;;) {
      const answer = this.#take()
      if (answer !== undefined) return answer
      if (this.#isClosed) return 'closed'
      await this.#news()
    }
  }

  /** All that comes back until the other side ends the connection. */
  async rest(): Promise<string> {
    while (!this.#isClosed) await this.#news()
    return this.#received
  }

  close(): void {
    this.#socket.destroy()
  }

  #news(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve))
  }

  /** Our answers are JSON, almost all of it ASCII: a test that asks for other texts counts bytes as we do. */
  #take(): RawAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = this.#received.slice(0, end)
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const rest = Buffer.from(this.#received.slice(end + 4))
    if (rest.length < length) return undefined
    this.#received = rest.toString('utf8', length)
    return { status: Number(head.split(' ')[1]), head, body: rest.toString('utf8', 0, length) }
  }
}

export function formatRequest(path: string, body: string, headers: readonly string[] = ['Host: ']): string {
  const fixed = ['User-Agent: Go-http-client/1.1', `Content-Length: ${Buffer.byteLength(body)}`]
  const accept = 'Accept: application/vnd.docker.plugins.v1.2+json'
  return [`POST /${path} HTTP/1.1`, ...headers, ...fixed, accept, '', body].join('\r\n')
}

/** Writes and resolves to all that comes back before the other side ends the connection. */
export async function bytesUntilClosed(path: string, bytes: string | Buffer): Promise<string> {
  const client = await RawClient.open(path)
  client.write(bytes)
  try {
    return await client.rest()
  } finally {
    client.close()
  }
}
