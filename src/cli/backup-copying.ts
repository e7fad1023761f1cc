import { parseBackupUrl, parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { formatSize } from '../model/size.js'
import { copyBackup as copyRecord } from '../repository/upkeep/copy-backup.js'
import type { OnProgress } from '../repository/progress.js'
import { urlOf } from './backup-records.js'
import { type Reach, withRepository } from './repository-access.js'
import { workDeps } from './repository-deps.js'
import type { Access, JsonFlags } from './repository-flags.js'
import { printResult, shortCall, work } from './repository-work.js'
import { printLine } from './terminal.js'

interface CopyPlaces {
  readonly from: Reach
  readonly to: { readonly destination: string; readonly access: Access }
}

/** `backup copy`: prints the URL of the copy. */
export async function copyBackup(url: string, flags: JsonFlags, { from: reach, to: other }: CopyPlaces): Promise<void> {
  const { session } = reach
  const { destination, volume, backup } = parseBackupUrl(url)
  const target = parseDestination(other.destination)
  const name = { volume, name: backup }
  const call = shortCall(session)
  const summary = await withRepository(destination, reach, call, (from) =>
    withRepository(target, { session, access: other.access }, call, (to) => {
      const run = (onProgress: OnProgress, within: CallContext) =>
        copyRecord({ from, to, backup: name }, workDeps(session, onProgress), within)
      return work({ label: `copying ${volume}`, run }, flags.json === true, session)
    }),
  )
  const copy = urlOf(target, name)
  if (flags.json === true) printResult(session, { url: copy, ...summary })
  else {
    printLine(session.terminal, copy)
    const said = summary.wasThere ? 'it was there already' : `${formatSize(summary.storedBytes)} were new there`
    session.terminal.err(`convoy: ${said}\n`)
  }
}
