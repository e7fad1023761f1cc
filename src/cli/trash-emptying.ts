import { ConvoyError } from '../errors.js'
import { formatSize } from '../model/size.js'
import { isAgreed, leaveAll, type Question } from './agreement.js'
import { choosePrinter } from './listing.js'
import type { Session } from './session.js'
import type { Row } from './template.js'
import { printLine } from './terminal.js'
import { readTrash, trashListing } from './trash-listing.js'

export interface EmptyFlags {
  readonly dryRun?: boolean
  readonly yes?: boolean
}

/** Removes exactly what was shown: what comes into the trash while the question waits stays there. */
export async function emptyTrash(words: readonly string[], flags: EmptyFlags, session: Session): Promise<void> {
  const { terminal } = session
  const kept = (await readTrash(session)).filter(({ State }) => State !== 'deleting')
  const chosen = words.length === 0 ? kept : [...new Set(words.flatMap((word) => findEntries(word, kept)))]
  if (flags.dryRun === true) {
    await choosePrinter(trashListing, {}, terminal)(chosen)
    terminal.err(`convoy: ${summarise(chosen)} would be removed for ever\n`)
    return
  }
  if (chosen.length === 0) {
    terminal.err('convoy: the trash is empty\n')
    return
  }
  if (await isAgreed(questionOf(chosen, flags.yes === true), session)) await removeAll(chosen, session)
  else leaveAll(session, 'nothing was removed')
}

const leastPrefix = 6

/** All of a name, or the one whose id begins so. */
function findEntries(word: string, entries: readonly Row[]): readonly Row[] {
  const named = entries.filter(({ Name, ID }) => Name === word || ID === word)
  if (named.length > 0) return named
  const begun = word.length < leastPrefix ? [] : entries.filter(({ ID }) => String(ID).startsWith(word))
  if (begun.length === 1) return begun
  throw new ConvoyError(
    begun.length === 0 ? 'not-found' : 'invalid-argument',
    `${begun.length === 0 ? 'nothing' : 'more than one volume'} named "${word}" is in the trash; nothing was removed`,
    { hint: '"convoy trash ls" shows names and ids' },
  )
}

function questionOf(entries: readonly Row[], isAnswered: boolean): Question {
  const names = entries.slice(0, 3).map(({ Name }) => String(Name))
  const list = [...names, ...(entries.length > names.length ? ['…'] : [])].join(', ')
  const text = `Remove the data of ${summarise(entries)} for ever: ${list}`
  return { text, why: 'this removes data for ever', isAnswered }
}

function summarise(entries: readonly Row[]): string {
  const sizes = entries.flatMap(({ SizeBytes }) => (typeof SizeBytes === 'number' ? [SizeBytes] : []))
  const count = `${entries.length} deleted ${entries.length === 1 ? 'volume' : 'volumes'}`
  if (sizes.length === 0) return count
  const total = formatSize(sizes.reduce((sum, size) => sum + size, 0))
  return `${count} (${total}${sizes.length < entries.length ? ` and ${entries.length - sizes.length} of unknown size` : ''})`
}

/** One that cannot be removed does not stop the others. */
async function removeAll(entries: readonly Row[], session: Session): Promise<void> {
  const asked = new Map<string, string>()
  for (const { ID, Name } of entries) {
    try {
      await session.client.delete(`/v1/trash/${encodeURIComponent(String(ID))}`)
      asked.set(String(ID), String(Name))
    } catch (thrown) {
      session.fail(thrown)
    }
  }
  // The daemon keeps what somebody has mounted by its path, and tries again later.
  const left = new Set((await readTrash(session)).filter(({ State }) => State === 'trashed').map(({ ID }) => ID))
  for (const [id, name] of asked) {
    if (!left.has(id)) printLine(session.terminal, name)
    else session.fail(new ConvoyError('in-use', `the data of "${name}" is still mounted, and kept for now`))
  }
}
