import t from 'tap'
import type { Environment } from '../../src/cli/environment.js'
import { printResult, work } from '../../src/cli/repository-work.js'
import { Session } from '../../src/cli/session.js'
import { ConvoyError } from '../../src/errors.js'
import type { CallContext } from '../../src/model/call-context.js'
import type { OnProgress, RepositoryProgress } from '../../src/repository/progress.js'
import { silentEnvironment } from '../fakes/command-line.js'

/** A session whose streams, clock and Ctrl-C are the test's. */
function bench(errColumns: number | undefined) {
  const said = { out: '', err: '' }
  let interrupt: (() => number | undefined) | undefined
  let nowMs = 0
  const environment: Environment = {
    ...silentEnvironment,
    terminal: {
      out: (text) => (said.out += text),
      err: (text) => (said.err += text),
      errColumns: () => errColumns,
    },
    now: () => new Date((nowMs += 1000)),
    onInterrupt: (leave) => {
      interrupt = leave
      return () => (interrupt = undefined)
    },
  }
  return { session: new Session(environment), said, interrupt: () => (interrupt === undefined ? 'ends' : interrupt()) }
}

const copying = (bytesDone: number): RepositoryProgress => ({
  ...{ phase: 'copy', filesDone: 2, filesTotal: 4, bytesDone, bytesTotal: 4096, storedBytes: 0 },
})

const twoSteps = async (onProgress: OnProgress) => {
  onProgress(copying(1024))
  onProgress(copying(2048))
  return 'done'
}

t.test('on a terminal the progress is one line on stderr that is gone at the end', async (t) => {
  const { session, said } = bench(100)
  t.equal(await work({ label: 'backing up db', run: twoSteps }, false, session), 'done')
  t.equal(said.out, '')
  t.match(said.err, /^\rbacking up db \[.*\] {2}25% {2}1 KiB of 4 KiB {2}2 of 4 files/)
  t.match(said.err, /50% {2}2 KiB of 4 KiB {2}1 KiB\/s {2}2 seconds left/)
  t.match(said.err, new RegExp(`\r {99}\r$`))
})

t.test('without a terminal nothing is said while it goes well', async (t) => {
  const { session, said } = bench(undefined)
  await work({ label: 'x', run: twoSteps }, false, session)
  t.same(said, { out: '', err: '' })
})

t.test('before anything is counted the line says what goes on', async (t) => {
  const { session, said } = bench(60)
  const opening = { phase: 'open', filesDone: 0, bytesDone: 0, storedBytes: 0 } as const
  await work({ label: 'verifying', run: async (onProgress) => onProgress(opening) }, false, session)
  t.match(said.err, /^\rverifying \| opening the repository +\r/)
})

t.test('at the end, when no file is left, the line still tells of what the store has got', async (t) => {
  const { session, said } = bench(200)
  const finishing = (storedBytes: number) => ({ ...copying(4096), phase: 'finish', storedBytes }) as const
  const run = async (onProgress: OnProgress) => [finishing(0), finishing(2048)].forEach(onProgress)
  await work({ label: 'x', run }, false, session)
  t.match(said.err, /finishing +\r.*finishing {2}2 KiB transferred/s)
})

t.test('with --json each report is a line, and so is the result', async (t) => {
  const { session, said } = bench(100)
  await work({ label: 'x', run: twoSteps }, true, session)
  printResult(session, { url: 'u' })
  const lines = said.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  t.same(lines, [{ progress: copying(1024) }, { progress: copying(2048) }, { result: { url: 'u' } }])
  t.equal(said.err, '')
})

t.test('Ctrl-C aborts, the clean end is waited for, and the exit code is 130 whatever comes of it', async (t) => {
  const { session, said, interrupt } = bench(80)
  const steps: string[] = []
  const run = async (onProgress: OnProgress, { signal }: CallContext) => {
    onProgress(copying(1))
    t.equal(interrupt(), undefined, 'the process does not end')
    t.equal(signal.aborted, true)
    steps.push('cleaned up')
    throw new ConvoyError('unavailable', 'the backup was stopped', { hint: 'start it again to go on' })
  }
  await t.rejects(work({ label: 'x', run }, false, session), /was stopped/)
  t.same(steps, ['cleaned up'])
  t.match(said.err, / \rconvoy: coming to a clean end; Ctrl-C once more ends at once\n/)
  session.fail(new ConvoyError('unavailable', 'the backup was stopped', { hint: 'start it again to go on' }))
  t.equal(session.exitCode, 130)
  t.match(said.err, /start it again to go on/)
})

t.test('what was done before Ctrl-C could stop it has succeeded', async (t) => {
  const { session, interrupt } = bench(undefined)
  t.equal(await work({ label: 'x', run: async () => interrupt() ?? 'done' }, false, session), 'done')
  t.equal(session.exitCode, 0)
})

t.test('between two works Ctrl-C ends the process, and the second can be stopped as the first', async (t) => {
  const { session, said, interrupt } = bench(undefined)
  await work({ label: 'x', run: twoSteps }, false, session)
  t.equal(interrupt(), 'ends')
  t.equal(said.err, '')
  const run = async (_: OnProgress, { signal }: CallContext) => [interrupt(), signal.aborted]
  t.same(await work({ label: 'y', run }, false, session), [undefined, true])
})

t.test('the log of what is called is shown by --debug, and else nowhere', async (t) => {
  for (const debug of [true, false]) {
    const { session, said } = bench(undefined)
    session.begin({ debug })
    const run = async (_: OnProgress, { log }: CallContext) => log.info({ pack: 7 }, 'pack stored')
    await work({ label: 'x', run }, false, session)
    t.equal(said.err, debug ? 'convoy: debug: pack stored {"pack":7}\n' : '')
  }
})
