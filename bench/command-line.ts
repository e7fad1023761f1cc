import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { populate } from './population.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const main = fileURLToPath(new URL('../program/convoy.cjs', import.meta.url))
const rounds = 30
const volumes = 10_000

/** Title → arguments of node. */
type Cases = Readonly<Record<string, readonly string[]>>

export const commandLineBenchmark: Benchmark = {
  name: 'command-line',
  title: 'Command line',
  async run({ directory }) {
    const few = await withDaemon(join(directory, 'few'), 10, (socket) =>
      measure({
        'node -e 0': ['-e', '0'],
        'convoy --version': [main, '--version'],
        'convoy list': [main, '-s', socket, 'list'],
        'convoy ls': [main, '-s', socket, 'ls'],
      }),
    )
    const many = await withDaemon(join(directory, 'many'), volumes, (socket) =>
      measure({
        'convoy ls': [main, '-s', socket, 'ls'],
        'convoy ls -q': [main, '-s', socket, 'ls', '-q'],
        'convoy ls --format json': [main, '-s', socket, 'ls', '--format', 'json'],
        'convoy list': [main, '-s', socket, 'list'],
      }),
    )
    return describe(few, many)
  },
}

async function withDaemon<T>(directory: string, count: number, act: (socket: string) => T): Promise<T> {
  await populate(directory, count)
  const daemon = await BenchDaemon.start(directory)
  try {
    await daemon.untilItLists(count)
    const socket = join(directory, 'control.sock')
    // It comes a moment after that of the plugin.
    while (!existsSync(socket)) await sleep(10)
    return act(socket)
  } finally {
    await daemon.stop()
  }
}

/** Whole processes, each case in turn, so that other work on the machine meets all of them alike. */
function measure(cases: Cases): ReadonlyMap<string, Samples> {
  const samples = new Map(Object.keys(cases).map((title) => [title, new Samples()]))
  for (let round = 0; round < rounds; round++) {
    for (const [title, own] of samples) own.add(runMs(cases[title] ?? []))
  }
  return samples
}

function runMs(argv: readonly string[]): number {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, argv, {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { PATH: process.env['PATH'] },
  })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - start
}

function describe(few: ReadonlyMap<string, Samples>, many: ReadonlyMap<string, Samples>): Findings {
  const of = (samples: ReadonlyMap<string, Samples>, title: string) => samples.get(title) ?? new Samples()
  const bare = of(few, 'node -e 0')
  const ratio = (own: Samples) => `${(own.min / bare.min).toFixed(2)} / ${(own.p50 / bare.p50).toFixed(2)}`
  const row = ([title, own]: readonly [string, Samples]) => [title, formatMs(own.min), formatMs(own.p50), ratio(own)]
  const head = ['', 'min, ms', 'p50, ms', '× node -e 0, min / p50']
  return {
    method: `Whole processes in turn, ${rounds} of each, output into a pipe that is read to its end.`,
    tables: [
      { columns: ['With 10 volumes', ...head.slice(1)], rows: [...few].map(row) },
      { columns: [`With ${volumes} volumes`, ...head.slice(1)], rows: [...many].map(row) },
    ],
    verdicts: [
      isAtMost('convoy list ≤ 1.5 × node -e 0 (p50)', of(few, 'convoy list').p50 / bare.p50, 1.5, '×'),
      isAtMost('convoy ls with 10,000 volumes ≤ 0.5 s (p50)', of(many, 'convoy ls').p50, 500, 'ms'),
    ],
  }
}
