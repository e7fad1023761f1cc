import { type Command, Option } from 'commander'
import { readList, readText } from './answer.js'
import { colourOfState } from './colour.js'
import { findField } from './control-client.js'
import { jobPath, waitForJobs } from './job-wait.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import { describeProgress } from './job-progress.js'
import { describeTime } from './relative-time.js'
import type { Session } from './session.js'
import type { Row } from './template.js'
import { printJson } from './terminal.js'

const jobListing: Listing = {
  columns: [
    { heading: 'ID', field: 'ID', least: 12 },
    { heading: 'KIND', field: 'Kind', importance: 2 },
    { heading: 'VOLUME', field: 'Volume', least: 10, importance: 5 },
    { heading: 'STATE', field: 'State', importance: 6, colourOf: colourOfState },
    { heading: 'PROGRESS', field: 'Progress', importance: 3 },
    { heading: 'CREATED', field: 'Created', importance: 1 },
  ],
  fields: ['ID', 'Kind', 'Volume', 'Driver', 'State', 'Progress', 'Created', 'CreatedAt', 'Error'],
  key: 'ID',
}

export function addJobCommands(program: Command, session: Session): void {
  const jobs = program.command('jobs').description('work that goes on after a command has returned')
  addLs(jobs, session)
  jobs
    .command('show <job>')
    .description('show one job as JSON')
    .action(async (id: string) => printJson(session.terminal, await session.client.get(jobPath(id))))
  jobs
    .command('cancel <job>')
    .description('stop a job; it leaves nothing half done')
    .action(async (id: string) => printJson(session.terminal, await session.client.post(`${jobPath(id)}/cancel`, {})))
  jobs
    .command('wait <job...>')
    .description('wait for the end of jobs; fails when one of them failed')
    .addOption(new Option('--format <FORMAT>', 'json: a line for every change, not only for the end').choices(['json']))
    .action((ids: readonly string[], { format }: { format?: string }) => waitForJobs(ids, format, session))
}

function addLs(jobs: Command, session: Session): void {
  const ls = jobs
    .command('ls', { isDefault: true })
    .description('show all jobs, the default: a table on a terminal, else JSON')
    .option(...quietFlag)
    .action(async (flags: ListingFlags) => {
      const { terminal, client, environment } = session
      // Scripts read this array since before there was a table.
      const isDocument = flags.format === undefined && flags.quiet !== true && terminal.columns?.() === undefined
      if (isDocument || flags.format === 'json') {
        printJson(terminal, await client.get('/v1/jobs'))
        return
      }
      const print = choosePrinter(jobListing, flags, terminal)
      const now = environment.now()
      await print(readList(await client.get('/v1/jobs')).map((job) => rowOf(job, now)))
    })
  addListingFlags(ls)
}

function rowOf(job: unknown, now: Date): Row {
  const request = findField(job, 'request')
  const createdAt = readText(job, 'createdAt')
  return {
    ID: readText(job, 'id'),
    Kind: readText(request, 'kind'),
    Volume: readText(findField(request, 'volume'), 'name'),
    Driver: readText(request, 'driver'),
    State: readText(job, 'state'),
    Progress: describeProgress(job),
    Created: describeTime(createdAt, now),
    CreatedAt: createdAt,
    Error: readText(job, 'error'),
  }
}
