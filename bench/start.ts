import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { BenchDaemon } from './bench-daemon.js'
import type { Benchmark } from './benchmark.js'
import { readCpuTime } from './on-cpu.js'
import { layOutVolumes, populatedName } from './population.js'
import { formatMs, isAtMost, type Table } from './report.js'
import { profileStart } from './start-profile.js'
import { Samples } from './statistics.js'

const volumes = 10_000
const runs = 11

interface Starts {
  readonly untilAnswer: Samples
  readonly running: Samples
  readonly waiting: Samples
}

const noStarts = (): Starts => ({ untilAnswer: new Samples(), running: new Samples(), waiting: new Samples() })

/** From the start of the process to an answer of the socket. */
export const startBenchmark: Benchmark = {
  name: 'start',
  title: 'Start with 10,000 volumes',
  async run({ directory }) {
    const [populated, empty] = [join(directory, 'populated'), join(directory, 'empty')]
    const first = await startFresh(populated)
    mkdirSync(empty)
    const [full, none] = [noStarts(), noStarts()]
    for (let run = 0; run < runs; run++) {
      await startOnce(empty, none)
      await startOnce(populated, full, populatedName(volumes - 1))
    }
    return {
      method:
        '`convoy daemon` spawned and asked every ms until it answers a Get of one of the volumes; the database is in the ' +
        'page cache. "On a processor" adds up all threads; "waiting for one" is what other work on the machine costs.',
      tables: [startTable(full, none), await profileStart(populated)],
      verdicts: [isAtMost('daemon ready ≤ 500 ms with 10,000 volumes (p50)', full.untilAnswer.p50, 500, 'ms')],
      notes: [
        `A fresh database beside 10,000 volumes on the storage: first answer after ${formatMs(first.answersMs)} ms, all ` +
          `volumes listed after ${formatMs(first.listsMs)} ms (one run).`,
      ],
    }
  },
}

async function startFresh(directory: string): Promise<{ answersMs: number; listsMs: number }> {
  mkdirSync(directory)
  layOutVolumes(directory, volumes)
  const start = performance.now()
  const daemon = await BenchDaemon.start(directory)
  const answersMs = performance.now() - start
  await daemon.untilItLists(volumes)
  const listsMs = performance.now() - start
  await daemon.stop()
  return { answersMs, listsMs }
}

async function startOnce(directory: string, { untilAnswer, running, waiting }: Starts, volume?: string): Promise<void> {
  const daemon = await untilAnswer.time(async () => {
    const started = await BenchDaemon.start(directory)
    if (volume !== undefined && (await started.plugin.get(volume)).Volume === undefined) throw new Error('no volume')
    return started
  })
  const { runningMs, waitingMs } = readCpuTime(daemon.pid)
  running.add(runningMs)
  waiting.add(waitingMs)
  await daemon.stop()
}

function startTable(full: Starts, none: Starts): Table {
  const row = (title: string, { untilAnswer, running, waiting }: Starts): string[] => {
    const times = [untilAnswer.min, untilAnswer.p50, untilAnswer.max, running.p50, waiting.p50]
    return [title, String(untilAnswer.count), ...times.map(formatMs)]
  }
  return {
    columns: ['Until the first answer, ms', 'n', 'min', 'p50', 'max', 'on a processor p50', 'waiting for one p50'],
    rows: [row('10,000 volumes in the database', full), row('no volumes', none)],
  }
}
