import { setPriority } from 'node:os'
import { text } from 'node:stream/consumers'
import type { RemovalProgress } from '../drivers/driver.js'
import { driverKinds } from '../drivers/registry.js'
import { ConvoyError, toConvoyError } from '../errors.js'
import { runProgram } from '../host/exec.js'
import { readJobFile, writeJobFile } from '../host/system-job-processes.js'
import type { JobAssignment, JobResult } from '../host/job-processes.js'
import type { JobProgress } from '../model/job.js'
import type { Attributes } from '../model/volume.js'
import type { Variables } from './config-environment.js'
import { openLog } from './logger.js'

/** What a job's process reads from its standard input. */
export interface JobConfiguration {
  readonly root: string
  readonly hostId: string
  readonly cluster?: string
  /** Driver name → its options. */
  readonly drivers: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** What the daemon knows of AWS: see {@link awsVariables}. */
  readonly environment: Variables
}

/** What a driver that asks AWS needs of an environment, credentials among it. */
export function awsVariables(variables: Variables): Variables {
  return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('AWS_') || name === 'HOME'))
}

const progressEveryMs = 500

/** The whole life of a job's process: reads its folder, works, leaves its result there. Resolves to the exit code. */
export async function runJobProcess(folder: string): Promise<number> {
  const stopped = new AbortController()
  process.on('SIGTERM', () => stopped.abort(new ConvoyError('deadline-exceeded', 'the job was cancelled')))
  await yieldToOthers()
  const configuration = JSON.parse(await text(process.stdin)) as JobConfiguration
  Object.assign(process.env, configuration.environment)
  // The daemon wrote it a moment ago, and nobody else may write there.
  const assignment = (await readJobFile(folder, 'request.json')) as JobAssignment | undefined
  if (assignment === undefined) return 1
  const result = await work(folder, assignment, configuration, stopped.signal)
  await writeJobFile(folder, 'result.json', result)
  return result.error === undefined ? 0 : 1
}

async function work(
  folder: string,
  { request, journal }: JobAssignment,
  configuration: JobConfiguration,
  signal: AbortSignal,
): Promise<JobResult> {
  let notes: Attributes = journal
  const { log } = openLog({ level: 'info', format: 'json' })
  try {
    const kind = driverKinds[request.driver]
    if (kind === undefined) throw new ConvoyError('invalid-argument', `unknown driver ${request.driver}`)
    const { drivers, environment: _, ...place } = configuration
    const options = drivers[request.driver] ?? {}
    const driver = await kind.open({ options, ...place, now: () => new Date(), log })
    try {
      await driver.remove(request.volume, {
        signal,
        log,
        ...progressReports(folder),
        journal: {
          get notes() {
            return notes
          },
          write: async (next) => {
            notes = next
            await writeJobFile(folder, 'journal.json', next)
          },
        },
      })
    } finally {
      await driver.close()
    }
    return { journal: notes }
  } catch (thrown) {
    log.error({ err: thrown }, 'the job failed')
    return { error: toConvoyError(thrown).sentence, journal: notes }
  }
}

function progressReports(folder: string): Required<RemovalProgress> {
  let reportedAt = 0
  let done = 0
  // A report that cannot be written is not worth stopping for.
  const report = (progress: JobProgress) => void writeJobFile(folder, 'progress.json', progress).catch(() => undefined)
  return {
    onProgress: (removed) => {
      done = removed
      const now = Date.now()
      if (now - reportedAt < progressEveryMs) return
      reportedAt = now
      report({ done, unit: 'entries' })
    },
    onWait: (waitsFor) => report({ done, unit: 'entries', waitsFor }),
  }
}

/** Containers come first: lowest of the ordinary CPU priorities, and the disk only when nobody else wants it. */
async function yieldToOthers(): Promise<void> {
  setPriority(10)
  const options = { timeoutMs: 5000 }
  await runProgram('ionice', ['-c', '3', '-p', String(process.pid)], options).catch(() => undefined)
}
