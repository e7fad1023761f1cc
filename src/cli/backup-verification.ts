import { ConvoyError } from '../errors.js'
import { parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { formatSize } from '../model/size.js'
import type { PackChoice } from '../repository/verify/pack-choice.js'
import type { OnProgress } from '../repository/progress.js'
import { verify } from '../repository/verify/verify.js'
import type { AffectedBackup, VerifyReport } from '../repository/verify/verify-report.js'
import { count } from './count.js'
import type { VerifyFlags } from './backup-upkeep-commands.js'
import { type Reach, withRepository } from './repository-access.js'
import { workDeps } from './repository-deps.js'
import { printResult, shortCall, work } from './repository-work.js'
import { oneLine, type Terminal } from './terminal.js'

/** `backup verify`: lists what is damaged, and which backups and files that costs; the exit code is 1 then. */
export async function verifyRepository(text: string, flags: VerifyFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const request = { readData: readChoice(flags.readData), marks: flags.mark }
  const report = await withRepository(parseDestination(text), reach, shortCall(session), (repository) => {
    const run = (onProgress: OnProgress, call: CallContext) =>
      verify(repository, request, workDeps(session, onProgress), call)
    return work({ label: 'verifying', run }, flags.json === true, session)
  })
  if (flags.json === true) printResult(session, report)
  else printReport(report, session.terminal)
  if (!report.isHealthy) session.finish(1)
}

/** `10%`, `2/7`, or all. */
function readChoice(text: string | true | undefined): PackChoice {
  if (text === undefined) return 'none'
  if (text === true || text === 'all') return 'all'
  const [, percent] = /^(\d{1,3}(?:\.\d{1,3})?)%$/.exec(text) ?? []
  if (percent !== undefined && Number(percent) > 0 && Number(percent) <= 100) return { percent: Number(percent) }
  const [, share, of] = /^(\d{1,5})\/(\d{1,5})$/.exec(text) ?? []
  if (share !== undefined && Number(share) >= 1 && Number(share) <= Number(of))
    return { share: Number(share), of: Number(of) }
  throw new ConvoyError(
    'invalid-argument',
    `--read-data: ${JSON.stringify(text.slice(0, 40))} is no part of the data`,
    {
      hint: 'use 10% for a tenth, taken at random, or 2/7 for the second seventh; without a value all is read',
    },
  )
}

function printReport(report: VerifyReport, terminal: Terminal): void {
  const { backups, packs, packsRead, bytesRead, orphans, damaged, damagedCount, affected } = report
  const lines = [
    ...damaged.map(({ key, message }) => oneLine(`damaged: ${key}: ${message}`)),
    ...(damagedCount > damaged.length ? [`damaged: and ${count(damagedCount - damaged.length, 'more object')}`] : []),
    ...affected.flatMap(describeAffected),
    `looked at ${count(backups, 'backup')} and ${count(packs, 'pack')}, and read ${packsRead} of them (${formatSize(bytesRead)})`,
    ...(orphans === 0 ? [] : [`${count(orphans, 'pack')} of an interrupted backup: the next one uses them`]),
    verdictOf(report),
  ]
  terminal.out(lines.map((line) => `${line}\n`).join(''))
}

function verdictOf({ isHealthy, affected }: VerifyReport): string {
  if (isHealthy) return 'all is well'
  if (affected.length > 0) return 'back the same data up again, and run "convoy repository repair"'
  return 'no backup misses anything: "convoy repository repair" and then "convoy backup prune" take away what is damaged'
}

export function describeAffected({ volume, name, paths, pathCount }: AffectedBackup): readonly string[] {
  const rest = pathCount - paths.length
  return [
    `backup ${name} of ${volume} cannot be restored whole:`,
    ...paths.map(({ path, message }) => `  ${oneLine(`${path}: ${message}`)}`),
    ...(rest > 0 ? [`  and ${rest} more`] : []),
  ]
}
