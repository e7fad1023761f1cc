import { chmodSync, copyFileSync, existsSync, mkdirSync } from 'node:fs'
import http from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { useOf } from './memory.js'
import { type Findings, formatMiB, formatPair, isAtMost } from './report.js'
import { entry, Samples } from './statistics.js'

const subscribers = 200
const rounds = 200
/** Loaded into the daemon: it collects its garbage when it is told. What opening connections leaves is not what they cost. */
const collector = new URL('../test/daemon/collect-on-signal.js', import.meta.url).href
const settleMs = 5000
const mountId = 'e'.repeat(64)

/** Who watches, and how late they know. */
export const eventsBenchmark: Benchmark = {
  name: 'events',
  title: 'Events',
  async run({ directory }) {
    mkdirSync(directory, { recursive: true })
    const node = join(directory, 'node')
    copyFileSync(process.execPath, node)
    chmodSync(node, 0o755)
    const nodeFlags = ['--expose-gc', '--import', collector]
    const daemon = await BenchDaemon.start(directory, { node, nodeFlags })
    const socket = join(directory, 'control.sock')
    try {
      // It opens after Docker's.
      while (!existsSync(socket)) await sleep(10)
      return await observe(daemon, socket)
    } finally {
      await daemon.stop()
    }
  },
}

interface Measured {
  /** Operation → ms from its answer to its event; 0 for an event that came first. */
  readonly lateness: ReadonlyMap<string, Samples>
  /** Operation → ms until it was answered. */
  readonly answers: ReadonlyMap<string, Samples>
}

async function observe(daemon: BenchDaemon, socket: string): Promise<Findings> {
  const first = await Subscriber.open(socket)
  await work(daemon, first, 'warm-up')
  const alone = await work(daemon, first, 'alone')
  const before = await pssOf(daemon)
  const others = await Promise.all(Array.from({ length: subscribers }, () => Subscriber.open(socket)))
  const idle = await pssOf(daemon)
  const together = await work(daemon, first, 'together')
  for (const one of [first, ...others]) one.close()
  return describe({ alone, together, before, idle })
}

/** Bytes, without garbage. */
async function pssOf({ pid }: BenchDaemon): Promise<number> {
  await sleep(settleMs)
  process.kill(pid, 'SIGUSR2')
  await sleep(settleMs)
  return (await useOf(pid)).pss
}

async function work({ plugin }: BenchDaemon, subscriber: Subscriber, prefix: string): Promise<Measured> {
  const lateness = new Map<string, Samples>()
  const answers = new Map<string, Samples>()
  const step = async (what: string, type: string, name: string, act: () => Promise<unknown>): Promise<void> => {
    const arrival = subscriber.arrival(`${type} ${name}`)
    const start = performance.now()
    await act()
    const answered = performance.now()
    entry(answers, what, () => new Samples()).add(answered - start)
    entry(lateness, what, () => new Samples()).add(Math.max(0, (await arrival) - answered))
  }
  for (let round = 0; round < rounds; round++) {
    const name = `${prefix}-${round}`
    await step('Create', 'volume.create', name, () => plugin.create(name))
    await step('Mount', 'volume.mount', name, () => plugin.mount(name, mountId))
    await step('Unmount', 'volume.unmount', name, () => plugin.unmount(name, mountId))
    await step('Remove', 'volume.forget', name, () => plugin.remove(name))
  }
  return { lateness, answers }
}

/** Knows when which event came. */
class Subscriber {
  readonly #request: http.ClientRequest
  readonly #awaited = new Map<string, (at: number) => void>()

  private constructor(request: http.ClientRequest, response: http.IncomingMessage) {
    this.#request = request
    response.setEncoding('utf8').on('data', (text: string) => this.#take(text))
    response.on('error', () => undefined)
  }

  static open(socketPath: string): Promise<Subscriber> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath, path: '/v1/events', agent: false })
      request.once('response', (response) => resolve(new Subscriber(request, response)))
      request.on('error', reject)
      request.end()
    })
  }

  /** When the event `TYPE VOLUME` comes. */
  arrival(what: string): Promise<number> {
    return new Promise((resolve) => this.#awaited.set(what, resolve))
  }

  close(): void {
    this.#request.destroy()
  }

  #take(text: string): void {
    const at = performance.now()
    if (this.#awaited.size === 0) return
    for (const [, data = ''] of text.matchAll(/^data: (.*)$/gm)) {
      const { type, volume } = JSON.parse(data) as { readonly type: string; readonly volume?: string }
      const what = `${type} ${volume ?? ''}`
      this.#awaited.get(what)?.(at)
      this.#awaited.delete(what)
    }
  }
}

interface Outcome {
  readonly alone: Measured
  readonly together: Measured
  readonly before: number
  readonly idle: number
}

function describe({ alone, together, before, idle }: Outcome): Findings {
  const pair = (samples: Samples | undefined) => formatPair(samples ?? new Samples())
  const rows = [...alone.lateness.keys()].map((what) => [
    what,
    pair(alone.lateness.get(what)),
    pair(together.lateness.get(what)),
    pair(alone.answers.get(what)),
    pair(together.answers.get(what)),
  ])
  const columns = [
    'Operation',
    'event after the answer, 1 subscriber',
    `${subscribers + 1} subscribers`,
    'answer, 1 subscriber',
    `${subscribers + 1} subscribers`,
  ]
  const all = [...alone.lateness.values(), ...together.lateness.values()]
  const latest = Math.max(...all.map(({ p99 }) => p99))
  const grown = (idle - before) / 1024 ** 2
  const memory = { columns: ['PSS of the daemon', 'MiB'], rows: [] as string[][] }
  memory.rows.push(['with 1 subscriber', formatMiB(before)], [`with ${subscribers} more, idle`, formatMiB(idle)])
  return {
    method:
      'Milliseconds, median / 99th percentile, seen by a client that sends an operation and watches: from the answer to the ' +
      'event, 0 where the event came first. A result that nobody waits for becomes durable with the next commit, or 10 ms ' +
      'later; only then is it told.',
    tables: [{ columns, rows }, memory],
    verdicts: [
      isAtMost('An event reaches a subscriber ≤ 50 ms after the change (99th percentile)', latest, 50, 'ms'),
      isAtMost(`${subscribers} idle subscribers cost ≤ 20 MB`, (grown * 1024 ** 2) / 1e6, 20, 'MB'),
    ],
  }
}
