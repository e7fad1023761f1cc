import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BenchDaemon } from './bench-daemon.js'
import { formatMs, type Table } from './report.js'

interface ProfileNode {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string }
  readonly children?: readonly number[]
}

/** As `node --cpu-prof` writes it; times in µs of the monotonic clock. */
interface Profile {
  readonly nodes: readonly ProfileNode[]
  readonly startTime: number
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Each phase of the main thread begins with the first sample inside this function. */
const phases = [
  ['loading modules', undefined],
  ['opening the ledger: the thread starts, checks and reads the database', 'openLedger'],
  ['opening the driver, setting up the servers, first answer', 'serve'],
] as const

/** Of the database thread, with all that they call. */
const databaseFunctions = ['DatabaseWorker', 'openSqliteFile', 'checkContents', 'load'] as const

/** Where one start spends its time. */
export async function profileStart(directory: string): Promise<Table> {
  const profiles = join(directory, 'profiles')
  const spawnedAt = now()
  const nodeFlags = ['--cpu-prof', `--cpu-prof-dir=${profiles}`, '--cpu-prof-interval=200']
  const daemon = await BenchDaemon.start(directory, { nodeFlags })
  const answeredAt = now()
  await sleep(500)
  await daemon.stop()
  const [main, ...others] = readdirSync(profiles)
    .map((name) => JSON.parse(readFileSync(join(profiles, name), 'utf8')) as Profile)
    .filter(({ startTime }) => startTime < answeredAt)
    .sort((a, b) => a.startTime - b.startTime)
  if (main === undefined) throw new Error(`no profile in ${profiles}`)
  const database = others.find(({ nodes }) =>
    nodes.some(({ callFrame }) => callFrame.functionName === 'DatabaseWorker'),
  )
  return {
    columns: ['One profiled start', 'began at, ms', 'took, ms'],
    rows: [
      ['node starts', '0', formatMs((main.startTime - spawnedAt) / 1000)],
      ...mainRows(main, spawnedAt, answeredAt),
      ...(database === undefined ? [] : databaseRows(database, spawnedAt)),
    ],
  }
}

/** In µs, as the profiles count. */
const now = (): number => Number(process.hrtime.bigint() / 1000n)

function mainRows(profile: Profile, spawnedAt: number, answeredAt: number): string[][] {
  const begun = phases.flatMap(([title, name]) => {
    const at = name === undefined ? profile.startTime : spanOf(profile, name)?.beganAt
    return at === undefined ? [] : [{ title, at }]
  })
  return begun.map(({ title, at }, index) => {
    const end = begun[index + 1]?.at ?? answeredAt
    return [title, formatMs((at - spawnedAt) / 1000), formatMs((end - at) / 1000)]
  })
}

function databaseRows(profile: Profile, spawnedAt: number): string[][] {
  const rows = databaseFunctions.flatMap((name) => {
    const span = spanOf(profile, name)
    return span === undefined ? [] : [[`database thread: ${name}()`, span.beganAt, span.took] as const]
  })
  const first = ['database thread: begins to run JavaScript', profile.startTime, 0] as const
  return [first, ...rows].map(([title, at, took]) => [title, formatMs((at - spawnedAt) / 1000), formatMs(took / 1000)])
}

/** When the function was seen first, and in how much time it was seen, with all that it called. */
function spanOf(profile: Profile, name: string): { beganAt: number; took: number } | undefined {
  const inside = nodesBelow(profile, name)
  let at = profile.startTime
  let beganAt: number | undefined
  let took = 0
  for (const [index, id] of profile.samples.entries()) {
    at += profile.timeDeltas[index] ?? 0
    if (!inside.has(id)) continue
    beganAt ??= at
    // A sample stands for the time until the next one.
    took += profile.timeDeltas[index + 1] ?? 0
  }
  return beganAt === undefined ? undefined : { beganAt, took }
}

function nodesBelow({ nodes }: Profile, name: string): ReadonlySet<number> {
  const isOurs = ({ callFrame }: ProfileNode): boolean =>
    callFrame.functionName === name && callFrame.url.includes('build/program')
  const inside = new Set(nodes.filter(isOurs).map(({ id }) => id))
  // Parents come before their children.
  for (const { id, children = [] } of nodes) if (inside.has(id)) for (const child of children) inside.add(child)
  return inside
}
