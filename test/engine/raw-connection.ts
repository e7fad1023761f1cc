import net from 'node:net'
import { once } from 'node:events'

export interface RawAnswer {
  readonly status: number
  readonly head: string
  readonly body: string
}

/** One connection on which a test writes bytes and reads HTTP answers, to see what a client library hides. */
export class RawConnection {
  readonly #socket: net.Socket
  #received = Buffer.alloc(0)
  #closed = false

  private constructor(socket: net.Socket) {
    this.#socket = socket
    socket.on('data', (data) => (this.#received = Buffer.concat([this.#received, data])))
    socket.on('error', () => undefined)
    socket.on('close', () => (this.#closed = true))
  }

  static async open(socketPath: string): Promise<RawConnection> {
    const socket = net.connect(socketPath)
    await once(socket, 'connect')
    return new RawConnection(socket)
  }

  get isOpen(): boolean {
    return !this.#closed
  }

  /** Writes a request as the engine does: an empty Host and no Content-Type unless `headers` has them. */
  async request(path: string, body: string, headers: readonly string[] = ['Host: ']): Promise<RawAnswer | 'closed'> {
    const fixed = ['User-Agent: Go-http-client/1.1', `Content-Length: ${Buffer.byteLength(body)}`]
    const accept = 'Accept: application/vnd.docker.plugins.v1.2+json'
    const lines = [`POST /${path} HTTP/1.1`, ...headers, ...fixed, accept, '', body]
    return await this.send(lines.join('\r\n'))
  }

  /** Resolves to the next answer, or to `closed` when the connection ends without one. */
  async send(bytes: string): Promise<RawAnswer | 'closed'> {
    this.#socket.write(bytes)
    for (;;) {
      const answer = this.#takeAnswer()
      if (answer !== undefined) return answer
      if (this.#closed) return 'closed'
      await Promise.race([once(this.#socket, 'data'), once(this.#socket, 'close')]).catch(() => undefined)
    }
  }

  close(): void {
    this.#socket.destroy()
  }

  #takeAnswer(): RawAnswer | undefined {
    const end = this.#received.indexOf('\r\n\r\n')
    if (end < 0) return undefined
    const head = this.#received.subarray(0, end).toString('latin1')
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const next = end + 4 + length
    if (this.#received.length < next) return undefined
    const body = this.#received.subarray(end + 4, next).toString('utf8')
    this.#received = this.#received.subarray(next)
    return { status: Number(head.split(' ')[1]), head, body }
  }
}
