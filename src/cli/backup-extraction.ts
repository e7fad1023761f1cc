import { resolve } from 'node:path'
import { parseBackupUrl } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { formatSize, parseSizeBytes } from '../model/size.js'
import type { OnProgress } from '../repository/progress.js'
import { restore, type RestoreSummary } from '../repository/restore/restore.js'
import { parseTreePath } from '../repository/format/tree-path.js'
import type { ExtractionFlags } from './backup-file-commands.js'
import { printProblems } from './backup-problems.js'
import { type Reach, withRepository } from './repository-access.js'
import { workDeps } from './repository-deps.js'
import { readFlag } from './repository-flags.js'
import { printResult, shortCall, work } from './repository-work.js'
import { printLine } from './terminal.js'

interface Extraction {
  readonly url: string
  /** None: all. */
  readonly paths: readonly string[]
}

/** `backup extract`: prints the directory, and exits with 3 when something is missing in it. */
export async function extractBackup({ url, paths }: Extraction, flags: ExtractionFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const { destination, volume, backup } = parseBackupUrl(url)
  const { devices = false, keepHealthy = false, setuid, limitMemory } = flags
  const request = {
    ...optional('limitMemoryBytes', readFlag('--limit-memory', limitMemory, parseSizeBytes)),
    ...{ volume, name: backup, to: resolve(flags.to), devices, setuid, keepHealthy },
    ...optional('paths', paths.length === 0 ? undefined : paths.map((path) => parseTreePath(Buffer.from(path)))),
  }
  const summary = await withRepository(destination, reach, shortCall(session), (repository) => {
    const run = (onProgress: OnProgress, call: CallContext) =>
      restore(repository, request, workDeps(session, onProgress), call)
    return work({ label: `restoring ${volume}`, run }, flags.json === true, session)
  })
  if (flags.json === true) printResult(session, summary)
  else {
    printLine(session.terminal, summary.target)
    session.terminal.err(
      describe(summary)
        .map((line) => `convoy: ${line}\n`)
        .join(''),
    )
  }
  printProblems(summary, `in ${summary.target}`, session)
}

function describe({ files, directories, others, bytes, hasOwners }: RestoreSummary): readonly string[] {
  return [
    `${files} files (${formatSize(bytes)}), ${directories} directories, ${others} others, all of them verified`,
    ...(hasOwners ? [] : ['all of it is yours: only root can give files the owners that they had']),
  ]
}
