import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually, within } from '../engine/polling.js'

export interface ExecResult {
  /** As a shell says it; -1 when the script could not even be killed. */
  readonly code: number
  /** It was killed because its time was up. */
  readonly isLate: boolean
  /** It did not end although it was killed: a process hangs in the kernel. */
  readonly isStuck: boolean
  readonly stdout: string
  readonly stderr: string
  readonly ms: number
}

interface Frame {
  readonly kind: string
  readonly id: string
  readonly fields: readonly string[]
  readonly body: Buffer
}

interface Waiting {
  readonly resolve: (fields: readonly string[]) => void
  readonly reject: (reason: Error) => void
}

/** How long a script that the guest killed may need to go. */
const graceMs = 4000

/** The host's end of the line to `guest/agent`, which says in its head what goes over it. */
export class GuestAgent {
  readonly #socket: Socket
  readonly #waiting = new Map<string, Waiting>()
  readonly #output = new Map<string, Record<'O' | 'E', Buffer[]>>()
  #received = Buffer.alloc(0)
  #lastId = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (data: Buffer) => this.#receive(data))
    socket.on('error', () => undefined)
    socket.on('close', () => this.#waiting.forEach(({ reject }) => reject(new Error('the guest has gone'))))
  }

  /** Before the guest has opened its end QEMU may keep what we send, or drop it: so this asks until there is an answer. */
  async untilItAnswers(deadlineMs: number): Promise<void> {
    const ask = async () => within('an answer of the agent', this.#ask('P'), 2000).then(() => true)
    await eventually('the agent of the guest answers', ask, deadlineMs)
  }

  /** Runs a bash script. What it leaves running in the background must write elsewhere. */
  async exec(script: string, timeoutMs: number): Promise<ExecResult> {
    const started = performance.now()
    const id = `r${++this.#lastId}`
    const output = { O: [] as Buffer[], E: [] as Buffer[] }
    this.#output.set(id, output)
    const giveUp = new AbortController()
    const ended = this.#ask('R', [Math.ceil(timeoutMs / 1000)], [script], id)
    const stuck = sleep(timeoutMs + graceMs, undefined, { signal: giveUp.signal })
    stuck.catch(() => undefined)
    try {
      const fields = await Promise.race([ended, stuck])
      const [code = '-1', isLate = '1'] = fields ?? []
      return {
        code: Number(code),
        isLate: isLate === '1',
        isStuck: fields === undefined,
        stdout: Buffer.concat(output.O).toString(),
        stderr: Buffer.concat(output.E).toString(),
        ms: Math.round(performance.now() - started),
      }
    } finally {
      giveUp.abort()
      this.#output.delete(id)
    }
  }

  /** Writes a file and makes the directories above it. */
  async write(path: string, content: string | Uint8Array, mode: number): Promise<void> {
    const [status, ...reason] = await within(`writing ${path}`, this.#ask('W', [mode.toString(8)], [path, content]))
    if (status !== 'ok') throw new Error(`${path}: ${reason.join(' ')}`)
  }

  close(): void {
    this.#socket.destroy()
  }

  async #ask(
    kind: 'P' | 'R' | 'W',
    fields: readonly (string | number)[] = [],
    parts: readonly (string | Uint8Array)[] = [],
    id = `${kind}${++this.#lastId}`,
  ): Promise<readonly string[]> {
    const bodies = parts.map((part) => Buffer.from(part))
    const head = [kind, id, ...fields, ...bodies.map(({ length }) => length)].join(' ')
    const answered = new Promise<readonly string[]>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#socket.write(Buffer.concat([Buffer.from(`${head}\n`), ...bodies]))
    return await answered
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data])
    for (let frame = this.#nextFrame(); frame !== undefined; frame = this.#nextFrame()) this.#take(frame)
  }

  #nextFrame(): Frame | undefined {
    const end = this.#received.indexOf('\n') + 1
    if (end === 0) return undefined
    const [kind = '', id = '', ...fields] = this.#received.toString('utf8', 0, end - 1).split(' ')
    const total = end + (kind === 'O' || kind === 'E' ? Number(fields[0]) : 0)
    if (this.#received.length < total) return undefined
    const body = this.#received.subarray(end, total)
    this.#received = this.#received.subarray(total)
    return { kind, id, fields, body }
  }

  #take({ kind, id, fields, body }: Frame): void {
    if (kind === 'O' || kind === 'E') {
      this.#output.get(id)?.[kind].push(body)
      return
    }
    this.#waiting.get(id)?.resolve(fields)
    this.#waiting.delete(id)
  }
}
