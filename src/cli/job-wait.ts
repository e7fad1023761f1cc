import { ConvoyError, isConvoyError } from '../errors.js'
import { isFinished, type Job, type JobState } from '../model/job.js'
import { findField, getText } from './control-client.js'
import { describeJob, reachOf } from './job-progress.js'
import { ProgressLine } from './progress-line.js'
import type { Session } from './session.js'
import { oneLine, printFailureLine, printLine, sayFailure } from './terminal.js'

/** Ids are the daemon's; this only keeps a path out of the URL. */
export function jobPath(id: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,127}$/.test(id)) return `/v1/jobs/${id}`
  throw new ConvoyError('invalid-argument', `${JSON.stringify(id.slice(0, 60))} is not the id of a job`, {
    hint: '"convoy jobs" shows them',
  })
}

/** Told of each look at a job. */
interface Spectator {
  readonly seen: (job: unknown) => void
  /** Called at the end of each wait, before anything else is said: what was drawn is wiped away. */
  readonly wipe: () => void
  readonly finished: (job: unknown) => void
  readonly fail: typeof sayFailure
}

/** Waits for each; the last word of each is printed when it comes. One that fails does not stop the wait for the others. */
export async function waitForJobs(ids: readonly string[], format: string | undefined, session: Session): Promise<void> {
  const paths = ids.map(jobPath)
  const spectator = chooseSpectator(format, session)
  session.environment.onInterrupt?.(() => {
    spectator.wipe()
    session.terminal.err('convoy: the work goes on; "convoy jobs" shows it, "convoy jobs cancel" stops it\n')
    return 130
  })
  for (const path of paths) {
    try {
      const job = await waitForJob(path, spectator, session)
      spectator.wipe()
      if (readState(job) !== 'succeeded') throw unsuccessful(job)
      spectator.finished(job)
    } catch (thrown) {
      spectator.wipe()
      session.fail(thrown, spectator.fail)
    }
  }
}

const pollMs = 500
/** About a minute: a daemon that restarts has come back by then, and its jobs went on meanwhile. */
const mostMissedPolls = 120

async function waitForJob(path: string, spectator: Spectator, session: Session): Promise<unknown> {
  // The first answer proves that daemon and job exist; only from then on is silence worth waiting for.
  let job = await session.client.get(path)
  for (let missed = 0; !isFinished({ state: readState(job) });) {
    spectator.seen(job)
    await session.environment.sleep(pollMs)
    try {
      job = await session.client.get(path)
      missed = 0
    } catch (thrown) {
      if (!isConvoyError(thrown, 'unavailable') || ++missed > mostMissedPolls) throw thrown
    }
  }
  return job
}

function chooseSpectator(format: string | undefined, session: Session): Spectator {
  const { terminal } = session
  const print = (job: unknown) => printLine(terminal, JSON.stringify(job))
  const script = { seen: () => undefined, wipe: () => undefined, finished: print, fail: printFailureLine }
  if (format === 'json') return { ...script, seen: whenChanged(print) }
  return terminal.columns?.() === undefined ? script : progressBar(session)
}

/** The same state and progress again is no news. */
function whenChanged(print: (job: unknown) => void): Spectator['seen'] {
  let last = ''
  return (job) => {
    const news = JSON.stringify(job)
    if (news !== last) print(job)
    last = news
  }
}

function progressBar({ terminal, environment }: Session): Spectator {
  const line = new ProgressLine({ write: terminal.out, columns: () => terminal.columns?.() })
  return {
    seen: (job) => line.show(reachOf(job, environment.now().getTime())),
    wipe: () => line.wipe(),
    finished: (job) => terminal.out(`${describeJob(job)}: ${readState(job)}\n`),
    fail: sayFailure,
  }
}

const jobStates: Readonly<Record<JobState, true>> = {
  queued: true,
  running: true,
  succeeded: true,
  failed: true,
  cancelled: true,
}

function readState(job: unknown): Job['state'] {
  const state = getText(job, 'state')
  // Its own keys are exactly the states.
  if (Object.hasOwn(jobStates, state)) return state as JobState
  throw new ConvoyError('internal', `the daemon answered with a job in the unknown state ${JSON.stringify(state)}`)
}

function unsuccessful(job: unknown): ConvoyError {
  const reason = findField(job, 'error')
  const id = getText(job, 'id')
  return new ConvoyError(
    'internal',
    `job ${id} ${readState(job) === 'cancelled' ? 'was cancelled' : 'failed'}${typeof reason === 'string' ? `: ${oneLine(reason)}` : ''}`,
    { hint: `"convoy jobs show ${id}" has the details` },
  )
}
