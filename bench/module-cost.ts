import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { formatMs, type Table } from './report.js'
import { Samples } from './statistics.js'

const daemon = new URL('../src/daemon/daemon.js', import.meta.url).href
const modules = ['fastify', 'typebox', 'execa', 'pino', 'p-retry', 'better-sqlite3'] as const
const times = 5
const here = fileURLToPath(new URL('.', import.meta.url))

/** What a start pays for modules: a bare node, and one that imports each of these. */
export function measureModules(): Table {
  const cases = ['', ...modules.map((name) => `import '${name}'`), `import '${daemon}'`]
  const samples = new Map(cases.map((code) => [code, new Samples()]))
  for (let round = 0; round < times; round++) for (const [code, own] of samples) own.add(runMs(code))
  const bare = samples.get('')?.min ?? Number.NaN
  const titles = ['node without any', ...modules, 'all that `convoy daemon` imports']
  return {
    columns: [`Loading modules, fastest of ${times}, ms`, 'whole', 'more than node alone'],
    rows: [...samples.values()].map(({ min }, index) => [titles[index] ?? '', formatMs(min), formatMs(min - bare)]),
  }
}

function runMs(code: string): number {
  const start = performance.now()
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    cwd: here,
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(stderr)
  return performance.now() - start
}
