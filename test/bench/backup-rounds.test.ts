import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { databaseSet } from '../../bench/backup-data-database.js'
import { BackupRounds, type RoundsResult } from '../../bench/backup-rounds.js'
import { Stopwatch } from '../../bench/backup-step.js'
import { PlainDirectories } from '../../bench/backup-target.js'
import { type BackupTool, knownTools, probeTool, readTools } from '../../bench/backup-tools.js'

const skip = existsSync('/usr/bin/time') ? false : 'GNU time is not installed'

/** Copies, as a tool of few words would. */
const copier: BackupTool = {
  name: 'copier',
  program: 'cp',
  setup: 'to="$repository/$generation"',
  version: 'echo 1',
  init: 'touch "$state/init"',
  backup: '"$program" -a "$source" "$to"',
  restore: 'test "$generation" = 4 && "$program" -a "$to/." "$target"',
  durability: 'none',
}

async function run(t: Test, tools: readonly BackupTool[]): Promise<RoundsResult> {
  const directory = t.testdir()
  const plan = { directory, scale: 0.001, rounds: 2, tools, stopwatch: new Stopwatch(directory, 'warm') }
  return new BackupRounds(databaseSet, {
    ...plan,
    targets: new PlainDirectories(directory),
    say: t.comment.bind(t),
  }).run()
}

t.test('a round backs up, again, what has changed, and restores; who begins changes', { skip }, async (t) => {
  const { steps, failures, sourceBytes, changedBytes } = await run(t, [copier, { ...copier, name: 'other' }])
  const phases = ['first', 'unchanged', 'changed', 'scattered', 'restore']
  const order = [
    ['copier', 'other'],
    ['other', 'copier'],
  ].flatMap((tools, index) => phases.flatMap((phase) => tools.map((tool) => `${index + 1} ${phase} ${tool}`)))
  t.strictSame(
    steps.map(({ round, phase, tool }) => `${round} ${phase} ${tool}`),
    order,
  )
  t.strictSame([...failures], [])
  for (const { commandMs, durableMs, peakBytes } of steps)
    t.ok(commandMs > 0 && durableMs > commandMs && peakBytes > 1e5)
  const [first, second] = steps.filter(({ tool }) => tool === 'copier')
  t.equal(first?.storedBytes, sourceBytes[0])
  t.equal(second?.storedBytes, 2 * (sourceBytes[0] ?? 0))
  t.strictSame(
    [...changedBytes.values()].map(({ length }) => length),
    [2, 2],
  )
})

t.test('a tool that restores something else is left out, and costs the others nothing', { skip }, async (t) => {
  const liar = { ...copier, name: 'liar', restore: `${copier.restore}; touch "$target/more"` }
  const lame = { ...copier, name: 'lame', backup: 'echo no disk >&2; exit 3' }
  const { steps, failures } = await run(t, [liar, lame, copier])
  t.equal(failures.get('liar'), 'Error: what was restored differs, first in more')
  t.equal(failures.get('lame'), 'no disk')
  t.equal(steps.filter(({ tool }) => tool === 'copier').length, 10)
  t.equal(steps.filter(({ tool }) => tool === 'liar').length, 4)
})

t.test('another tool is a line of a file', async (t) => {
  const path = join(t.testdir(), 'tools.json')
  writeFileSync(path, '[{ "name": "restic 0.19", "like": "restic", "program": "/opt/restic" }]')
  const [tool] = readTools(path)
  const restic = knownTools.find(({ name }) => name === 'restic')
  t.match(tool, { name: 'restic 0.19', program: '/opt/restic', backup: restic?.backup })
  writeFileSync(path, '[{ "name": "kopia", "program": "kopia" }]')
  t.throws(() => readTools(path), /tools.json: a tool does not say its setup/)
})

t.test('what is not installed says so', async (t) => {
  t.strictSame(await probeTool(copier), { version: '1' })
  const missing = await probeTool({ ...copier, program: '/nonexistent/restic', version: '"$program" version' })
  t.match(missing, { missing: /nonexistent/ })
})
