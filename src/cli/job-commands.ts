import type { Command } from 'commander'
import { ConvoyError, isConvoyError } from '../errors.js'
import { isFinished, type Job, type JobState } from '../model/job.js'
import { findField, getText } from './control-client.js'
import type { Session } from './session.js'
import { printJson } from './terminal.js'

export function addJobCommands(program: Command, session: Session): void {
  const jobs = program.command('jobs').description('work that goes on after a command has returned')
  jobs
    .command('ls', { isDefault: true })
    .description('show all jobs as JSON, the default')
    .action(async () => printJson(session.terminal, await session.client.get('/v1/jobs')))
  jobs
    .command('show <id>')
    .description('show one job as JSON')
    .action(async (id: string) => printJson(session.terminal, await session.client.get(jobPath(id))))
  jobs
    .command('cancel <id>')
    .description('stop a job; it leaves nothing half done')
    .action(async (id: string) => printJson(session.terminal, await session.client.post(`${jobPath(id)}/cancel`, {})))
  jobs
    .command('wait <id>')
    .description('wait for the end of a job; fails when the job failed')
    .action(async (id: string) => {
      const job = await waitForJob(id, session)
      if (readState(job) !== 'succeeded') throw unsuccessful(job)
      printJson(session.terminal, job)
    })
}

/** Ids are the daemon's; this only keeps a path out of the URL. */
function jobPath(id: string): string {
  if (/^[A-Za-z0-9][\w.-]{0,127}$/.test(id)) return `/v1/jobs/${id}`
  throw new ConvoyError('invalid-argument', `${JSON.stringify(id.slice(0, 60))} is not the id of a job`, {
    hint: '"convoy jobs" shows them',
  })
}

const pollMs = 500
/** About a minute: a daemon that restarts has come back by then, and its jobs went on meanwhile. */
const mostMissedPolls = 120

async function waitForJob(id: string, session: Session): Promise<unknown> {
  // The first answer proves that daemon and job exist; only from then on is silence worth waiting for.
  let job = await session.client.get(jobPath(id))
  for (let missed = 0; !isFinished({ state: readState(job) });) {
    await session.environment.sleep(pollMs)
    try {
      job = await session.client.get(jobPath(id))
      missed = 0
    } catch (thrown) {
      if (!isConvoyError(thrown, 'unavailable') || ++missed > mostMissedPolls) throw thrown
    }
  }
  return job
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
    `job ${id} ${readState(job) === 'cancelled' ? 'was cancelled' : 'failed'}${typeof reason === 'string' ? `: ${reason}` : ''}`,
    { hint: `"convoy jobs show ${id}" has the details` },
  )
}
