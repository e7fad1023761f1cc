import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Benchmark, Surroundings } from './benchmark.js'
import { describeRounds } from './backup-findings.js'
import { BackupRounds, type RoundsResult } from './backup-rounds.js'
import { type BackupSettings, parseBackupSettings } from './backup-settings.js'
import { Stopwatch } from './backup-step.js'
import { type RestoreTargets, restoreTargets } from './backup-target.js'
import { type BackupTool, probeTool } from './backup-tools.js'
import type { Findings } from './report.js'

type Cache = 'warm' | 'cold'

/** Backups of three kinds of data beside other tools that deduplicate and encrypt. */
export const backupBenchmark: Benchmark = {
  name: 'backup',
  title: 'Backups, beside restic and borg',
  run: (surroundings) => measureBackups(surroundings, 'warm'),
}

/** The same after a restart of the host. */
export const coldBackupBenchmark: Benchmark = {
  name: 'backup-cold',
  title: 'Backups, beside restic and borg, with a cold cache',
  run: (surroundings) => measureBackups(surroundings, 'cold'),
}

async function measureBackups({ directory, settings: texts }: Surroundings, cache: Cache): Promise<Findings> {
  const reason = findObstacle(cache)
  if (reason !== undefined) return { method: `Not run: ${reason}.`, tables: [], verdicts: [] }
  const settings = parseBackupSettings(texts)
  const { present, versions, missing } = await probeAll(settings.tools)
  const targets = restoreTargets(directory)
  const results: RoundsResult[] = []
  for (const set of settings.sets) {
    const own = join(directory, set.name)
    mkdirSync(own)
    const stopwatch = new Stopwatch(directory, cache)
    const plan = { ...settings, directory: own, tools: present, stopwatch, targets, say: console.error }
    results.push(await new BackupRounds(set, plan).run())
  }
  const { notes = [], ...described } = describeRounds(results)
  const method = describeMethod(settings, { cache, targets, present })
  return { method, ...described, notes: [`Measured: ${versions.join('; ')}.`, ...missing, ...notes] }
}

function findObstacle(cache: Cache): string | undefined {
  if (!existsSync('/usr/bin/time')) return 'GNU time (Debian: `time`) is not installed'
  return cache === 'cold' && process.getuid?.() !== 0 ? 'only root can drop the page cache' : undefined
}

interface Probed {
  readonly present: readonly BackupTool[]
  readonly versions: readonly string[]
  readonly missing: readonly string[]
}

async function probeAll(tools: readonly BackupTool[]): Promise<Probed> {
  const probed = await Promise.all(tools.map(async (tool) => ({ tool, ...(await probeTool(tool)) })))
  return {
    present: probed.flatMap((one) => ('version' in one ? one.tool : [])),
    versions: probed.flatMap((one) => ('version' in one ? `${one.tool.name} = ${one.version}` : [])),
    missing: probed.flatMap((one) => ('missing' in one ? `Left out: ${one.tool.name}, ${one.missing}.` : [])),
  }
}

interface Circumstances {
  readonly cache: Cache
  readonly targets: RestoreTargets
  readonly present: readonly BackupTool[]
}

function describeMethod({ rounds, scale }: BackupSettings, { cache, targets, present }: Circumstances): string {
  const cached = {
    warm: 'What was written or read before is in the page cache.',
    cold: 'The page cache is dropped before every command.',
  }
  return (
    `Medians of ${rounds} rounds, with the least and the most. In a round the tools do the same one after the other, on the same data, ` +
    `beginning with another one each time: first backup, the same again, about 1 % changed, restore into ${targets.description}; what is ` +
    `restored is compared with the source. ${cached[cache]} All encrypt. Durable: \`sync -f\` after each command counts, ` +
    `because by themselves they do not do the same: ${present.map(({ name, durability }) => `${name}, ${durability}`).join('; ')}. ` +
    `CPU: user and system time of all threads. Peak: the resident memory of the largest process, the most of all rounds.` +
    (scale === 1 ? '' : ` **The data are ${scale} of their size: no figure is worth anything.**`)
  )
}
