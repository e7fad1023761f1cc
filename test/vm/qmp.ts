import { EventEmitter, once } from 'node:events'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { within } from '../engine/polling.js'

const answerDeadlineMs = 30_000

interface Answer {
  readonly return?: unknown
  readonly error?: { readonly desc: string }
}

/** A line from QEMU: the greeting, an answer to the command with that id, or an event. */
interface Line extends Answer {
  readonly id?: number
  readonly event?: string
  readonly data?: Readonly<Record<string, unknown>>
}

/** QEMU's machine protocol: JSON, a line each. */
export class Qmp {
  readonly #socket: Socket
  readonly #events = new EventEmitter()
  #lastId = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#events.setMaxListeners(0)
    // Whoever waits for an answer when QEMU goes finds its deadline passed; the guest says that QEMU ended.
    socket.on('error', () => undefined)
    createInterface({ input: socket }).on('line', (text) => this.#receive(text))
  }

  static async open(socket: Socket): Promise<Qmp> {
    const qmp = new Qmp(socket)
    await qmp.run('qmp_capabilities')
    return qmp
  }

  async run(command: string, parameters: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    const id = ++this.#lastId
    const answered = once(this.#events, `answer ${id}`)
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters, id })}\n`)
    const [answer] = (await within(`QEMU's answer to ${command}`, answered, answerDeadlineMs)) as [Answer]
    if (answer.error !== undefined) throw new Error(`${command}: ${answer.error.desc}`)
    return answer.return
  }

  /** Resolves with the next such event of the device: ask before the command that causes it. */
  async event(name: string, device: string, deadlineMs = answerDeadlineMs): Promise<void> {
    await within(`${name} of ${device}`, once(this.#events, `event ${name} ${device}`), deadlineMs)
  }

  close(): void {
    this.#socket.destroy()
  }

  #receive(text: string): void {
    const line = JSON.parse(text) as Line
    if (line.id !== undefined) this.#events.emit(`answer ${line.id}`, line)
    if (line.event !== undefined) this.#events.emit(`event ${line.event} ${String(line.data?.['device'])}`)
  }
}
