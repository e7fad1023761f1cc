import { mkdir } from 'node:fs/promises'
import net from 'node:net'
import { dirname } from 'node:path'

/** One request of the engine, as it went by. */
export interface RecordedCall {
  /** Without the interface: `Mount`, `Get`, `Activate`. */
  readonly call: string
  readonly name: string | undefined
  readonly id: string | undefined
  readonly body: string
}

/** Stands on the socket where Docker looks for the plugin, passes every byte on, and notes the requests. */
export class PluginRecorder {
  readonly #server: net.Server
  readonly #calls: RecordedCall[] = []
  readonly #connections = new Set<net.Socket>()
  readonly #upstream: string

  private constructor(upstream: string) {
    this.#upstream = upstream
    this.#server = net.createServer((socket) => this.#pass(socket))
  }

  static async open(socketPath: string, upstream: string): Promise<PluginRecorder> {
    await Promise.all([mkdir(dirname(socketPath), { recursive: true }), mkdir(dirname(upstream), { recursive: true })])
    const recorder = new PluginRecorder(upstream)
    await new Promise<void>((resolve, reject) => {
      recorder.#server.on('error', reject)
      recorder.#server.listen({ path: socketPath, backlog: 4096 }, resolve)
    })
    return recorder
  }

  /** Every call since the last `forget`, or those of one kind. */
  calls(kind?: string): readonly RecordedCall[] {
    return kind === undefined ? [...this.#calls] : this.#calls.filter(({ call }) => call === kind)
  }

  /** How often each kind of call came, kinds that never came left out. */
  counts(volume?: string): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {}
    for (const { call, name } of this.#calls)
      if (volume === undefined || name === volume) counts[call] = (counts[call] ?? 0) + 1
    return counts
  }

  forget(): void {
    this.#calls.length = 0
  }

  async close(): Promise<void> {
    for (const socket of this.#connections) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #pass(engine: net.Socket): void {
    const plugin = net.connect(this.#upstream)
    const reader = new RequestReader((call) => this.#calls.push(call))
    engine.on('data', (data) => reader.read(data))
    for (const [one, other] of [
      [engine, plugin],
      [plugin, engine],
    ] as const) {
      this.#connections.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.#connections.delete(one)
        other.destroy()
      })
      one.pipe(other)
    }
  }
}

/** Finds the requests in what an HTTP/1.1 client writes: each with a Content-Length, as the engine sends them. */
class RequestReader {
  #rest = Buffer.alloc(0)
  readonly #onCall: (call: RecordedCall) => void

  constructor(onCall: (call: RecordedCall) => void) {
    this.#onCall = onCall
  }

  read(data: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, data])
    while (this.#readOne());
  }

  #readOne(): boolean {
    const end = this.#rest.indexOf('\r\n\r\n')
    if (end < 0) return false
    const head = this.#rest.subarray(0, end).toString('latin1')
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? 0)
    const next = end + 4 + length
    if (this.#rest.length < next) return false
    this.#onCall(parseCall(head, this.#rest.subarray(end + 4, next).toString('utf8')))
    this.#rest = this.#rest.subarray(next)
    return true
  }
}

function parseCall(head: string, body: string): RecordedCall {
  const path = head.split(' ')[1] ?? ''
  let argument: { Name?: string; ID?: string } = {}
  try {
    argument = JSON.parse(body) as typeof argument
  } catch {
    // An empty body is a call too.
  }
  return { call: path.slice(path.indexOf('.') + 1), name: argument.Name, id: argument.ID, body }
}
