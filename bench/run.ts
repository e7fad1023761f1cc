import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { backupBenchmark, coldBackupBenchmark } from './backup.js'
import { s3BackupBenchmark } from './backup-s3.js'
import { backupOptions } from './backup-settings.js'
import type { Benchmark } from './benchmark.js'
import { commandLineBenchmark } from './command-line.js'
import { ebsBenchmark } from './ebs.js'
import { eventsBenchmark } from './events.js'
import { dockerStartBenchmark } from './docker-start.js'
import { engineBenchmark } from './engine.js'
import { firstVolumeBenchmark } from './first-volume.js'
import { guestBenchmark } from './guest.js'
import { describeLoad, describeMachine } from './machine.js'
import { listBenchmark } from './list.js'
import { memoryBenchmark } from './memory.js'
import { nfsBenchmark } from './nfs.js'
import { deadShareBenchmark } from './nfs-dead-share.js'
import { pluginBenchmark } from './plugin.js'
import { formatFindings, formatTable, ResultsFile } from './report.js'
import { slowFsyncBenchmark } from './slow-fsync.js'
import { startBenchmark } from './start.js'

const benchmarks: readonly Benchmark[] = [
  pluginBenchmark,
  listBenchmark,
  slowFsyncBenchmark,
  startBenchmark,
  memoryBenchmark,
  eventsBenchmark,
  commandLineBenchmark,
  engineBenchmark,
  dockerStartBenchmark,
  firstVolumeBenchmark,
  guestBenchmark,
  nfsBenchmark,
  deadShareBenchmark,
  ebsBenchmark,
  backupBenchmark,
  coldBackupBenchmark,
  s3BackupBenchmark,
]
const { positionals: names, values: settings } = parseArgs({ allowPositionals: true, options: backupOptions })
/** Other settings are for trying: their figures are no results. */
const isTrial = Object.keys(settings).length > 0
const resultsPath = fileURLToPath(new URL('../../bench/RESULTS.md', import.meta.url))
const place = process.env['CONVOY_BENCH_DIRECTORY'] ?? '/var/tmp'
// Removed at the end only: ext4 searches past inodes that were just freed, which makes creating files slow for minutes.
const scratch = mkdtempSync(join(place, 'convoy-bench-'))

function chosen(): readonly Benchmark[] {
  const unknown = names.find((name) => !benchmarks.some((benchmark) => benchmark.name === name))
  if (unknown !== undefined) {
    throw new Error(`no benchmark "${unknown}"; there are: ${benchmarks.map(({ name }) => name).join(', ')}`)
  }
  return benchmarks.filter(({ name }) => names.length === 0 || names.includes(name))
}

async function runOne(benchmark: Benchmark): Promise<string> {
  const directory = join(scratch, benchmark.name)
  mkdirSync(directory)
  const before = describeLoad()
  const startedAt = new Date()
  const findings = await benchmark.run({ directory, settings })
  const took = Math.round((Date.now() - startedAt.getTime()) / 1000)
  const load = `load average before ${before}, after ${describeLoad()}`
  return formatFindings(findings, `_${startedAt.toISOString().slice(0, 16)}Z, ${took} s, ${load}._`)
}

/** One that fails must not cost the others' figures. */
function describeFailure(error: unknown): string {
  process.exitCode = 1
  console.error(error)
  return `**Failed:** ${error instanceof Error ? error.message : String(error)}`
}

async function runAll(): Promise<void> {
  const results = await ResultsFile.open(resultsPath)
  for (const benchmark of chosen()) {
    console.log(`## ${benchmark.title}\n`)
    const body = await runOne(benchmark).catch(describeFailure)
    console.log(body)
    if (isTrial) continue
    results.put(benchmark.title, body)
    const head = `# Benchmark results\n\nWritten by \`npm run bench\`; see README.md.\n\n${formatTable(describeMachine(place))}`
    await results.write(
      head,
      benchmarks.map(({ title }) => title),
    )
  }
}

process.on('SIGINT', () => process.exit(130))
process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))
await runAll()
