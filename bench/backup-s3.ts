import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { account, bucket, S3Server } from '../test/s3/s3-server.js'
import type { Benchmark } from './benchmark.js'
import type { DataSet } from './backup-data.js'
import { BackupRounds, type Step } from './backup-rounds.js'
import { parseBackupSettings } from './backup-settings.js'
import { Stopwatch } from './backup-step.js'
import { PlainDirectories } from './backup-target.js'
import { type BackupTool, knownTools, subject } from './backup-tools.js'
import { type Findings, formatMs, isAtMost, type Verdict } from './report.js'

const gibibyte = 2 ** 30
/** One request at most for so many bytes that are stored. */
const bytesPerPut = 16 * 2 ** 20
const methods = ['PUT', 'GET', 'HEAD', 'LIST', 'REMOVE'] as const

/** A step, and what the server was asked in it. */
interface CountedStep extends Step {
  readonly requests: Readonly<Record<(typeof methods)[number], number>>
}

/** What S3 is asked, since every request is paid for. */
export const s3BackupBenchmark: Benchmark = {
  name: 'backup-s3',
  title: 'Backups to S3: requests',
  async run({ directory, settings }) {
    const { sets, scale } = parseBackupSettings(settings)
    const endings: (() => unknown)[] = []
    const server = await new S3Server().start({ teardown: (ending: () => unknown) => void endings.push(ending) })
    try {
      const measured: [DataSet, readonly CountedStep[]][] = []
      for (const set of sets) {
        const own = join(directory, set.name)
        mkdirSync(own)
        measured.push([set, await countRequests(set, { directory: own, scale, server })])
      }
      return describe(measured)
    } finally {
      for (const ending of endings) ending()
    }
  },
}

interface Surroundings {
  readonly directory: string
  readonly scale: number
  readonly server: S3Server
}

async function countRequests(set: DataSet, { directory, scale, server }: Surroundings): Promise<CountedStep[]> {
  server.objects.clear()
  const counted: CountedStep[] = []
  const rounds = new BackupRounds(set, {
    directory,
    scale,
    rounds: 1,
    tools: [onServer(server)],
    stopwatch: new Stopwatch(directory, 'warm'),
    targets: new PlainDirectories(directory),
    sizeOf: () => sum([...server.objects.values()].map(({ body }) => body.length)),
    onStep: (step) => {
      counted.push({ ...step, requests: countOf(server.requests) })
      server.requests.length = 0
    },
    say: console.error,
  })
  const { failures } = await rounds.run()
  for (const reason of failures.values()) throw new Error(reason)
  return counted
}

/** Ours, with what a server on the loopback needs. */
function onServer(server: S3Server): BackupTool {
  const tool = knownTools.find(({ name }) => name === subject)
  if (tool === undefined) throw new Error(`there is no ${subject}`)
  const { accessKeyId, secretAccessKey, region } = account
  const keys = `AWS_ACCESS_KEY_ID=${accessKeyId} AWS_SECRET_ACCESS_KEY=${secretAccessKey}`
  const place = `destination=s3://${bucket}@${region}/bench options="--s3-endpoint ${server.endpoint.href}"`
  return { ...tool, setup: `${tool.setup}; export ${keys}; ${place}` }
}

function countOf(requests: readonly string[]): CountedStep['requests'] {
  const count = (method: string): number => requests.filter((request) => request.startsWith(`${method} `)).length
  const counts = methods.map((method) => [method, count(method)] as const)
  // Each of the methods is there.
  return Object.fromEntries(counts) as CountedStep['requests']
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function describe(measured: readonly (readonly [DataSet, readonly CountedStep[]])[]): Findings {
  return {
    method:
      'The program beside a server of ours on the loopback, which checks signatures and counts. One round; PUT of the first backup ' +
      'include making the repository. Per GiB: of what the backup stored, or the restore fetched of it.',
    tables: measured.map(([{ title }, steps]) => ({
      columns: [title, ...methods, 'stored MB', 'requests per GiB', 'wall s'],
      rows: steps.map((step, index) => rowOf(step, steps[index - 1])),
    })),
    verdicts: measured.flatMap(([{ title }, [first]]) => (first === undefined ? [] : putVerdict(title, first))),
  }
}

function rowOf(step: CountedStep, before: CountedStep | undefined): string[] {
  const { requests, phase, storedBytes, durableMs } = step
  const grown = phase === 'restore' ? (before?.storedBytes ?? 0) : storedBytes - (before?.storedBytes ?? 0)
  const counts = methods.map((method) => String(requests[method]))
  const perGibibyte = (sum(Object.values(requests)) * gibibyte) / grown
  const isMeaningful = phase === 'first' || phase === 'restore'
  return [
    phase,
    ...counts,
    formatMs(grown / 1e6),
    isMeaningful ? formatMs(perGibibyte) : '',
    formatMs(durableMs / 1000),
  ]
}

function putVerdict(title: string, { requests, storedBytes }: CountedStep): Verdict[] {
  const puts = requests.PUT / Math.max(1, storedBytes / bytesPerPut)
  return [isAtMost(`${title}: PUT per 16 MiB stored ≤ 1`, puts, 1, 'requests')]
}
