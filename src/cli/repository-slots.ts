import { basename } from 'node:path'
import { ConvoyError, isConvoyError } from '../errors.js'
import { createSecretFile } from '../host/secret-file.js'
import { parseDestination } from '../model/backup-url.js'
import { formatKeyFile, generateKey } from '../repository/format/key-file.js'
import { type ListedKeySlot, putKeySlot, readKeySlots, removeKeySlot } from '../repository/key-ring.js'
import type { Unlock } from '../repository/format/key-slots.js'
import { formatRecoveryPhrase } from '../repository/format/recovery-phrase.js'
import { Repository } from '../repository/repository.js'
import { isAgreed, leaveAll } from './agreement.js'
import { choosePrinter, type Listing, type ListingFlags } from './listing.js'
import { describeTime } from './relative-time.js'
import { type Reach, withRepository, withStore } from './repository-access.js'
import type { AgreementFlags } from './repository-flags.js'
import type { KeyAdditionFlags } from './repository-key-commands.js'
import { getNewPassphrase, readKeyFile, readPassphrase } from './repository-secret.js'
import { shortCall } from './repository-work.js'
import type { Session } from './session.js'
import type { Row } from './template.js'
import { printLine } from './terminal.js'

const slotListing: Listing = {
  columns: [
    { heading: 'ID', field: 'ID' },
    { heading: 'KIND', field: 'Kind' },
    { heading: 'LABEL', field: 'Label', least: 8, importance: 2 },
    { heading: 'CREATED', field: 'Created', importance: 1 },
  ],
  fields: ['ID', 'Kind', 'Label', 'Created', 'CreatedAt'],
  key: 'ID',
}

/** `key list`: needs no key. */
export async function listKeys(text: string, flags: ListingFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const print = choosePrinter(slotListing, flags, session.terminal)
  const call = shortCall(session)
  const { slots, unreadable } = await withStore(parseDestination(text), reach, async (store) => {
    await Repository.readConfig(store, call)
    return readKeySlots(store, call)
  })
  await print(slots.map((slot) => rowOf(slot, session.environment.now())))
  for (const key of unreadable) session.fail(new ConvoyError('damaged', `${key} cannot be read`))
}

function rowOf({ id, kind, label, createdAtMs }: ListedKeySlot, now: Date): Row {
  const createdAt = new Date(createdAtMs).toISOString()
  return { ID: id, Kind: kind, Label: label, Created: describeTime(createdAt, now), CreatedAt: createdAt }
}

/** `key add`: prints the id of the new slot. */
export async function addKey(text: string, flags: KeyAdditionFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const call = shortCall(session)
  await withRepository(parseDestination(text), reach, call, async (repository) => {
    refuseOpen(repository)
    const unlock = await getNewUnlock(flags, session)
    const createdAtMs = session.environment.now().getTime()
    const objectKey = await putKeySlot(repository, unlock, { label: flags.label ?? '', createdAtMs }, call)
    printLine(session.terminal, basename(objectKey, '.json'))
  })
}

function refuseOpen({ config, store }: Repository): void {
  if (config.encryption !== 'none') return
  throw new ConvoyError('unsupported', `the repository at ${store.url} is not encrypted: a key would change nothing`, {
    hint: 'make an encrypted one, and "convoy backup copy" the backups into it',
  })
}

async function getNewUnlock({ newKeyFile, newPassphraseFile }: KeyAdditionFlags, session: Session): Promise<Unlock> {
  if (newKeyFile !== undefined && newPassphraseFile !== undefined) {
    throw new ConvoyError('invalid-argument', 'a new key file and a new passphrase file are given', {
      hint: 'give one of them, and do it twice',
    })
  }
  if (newPassphraseFile !== undefined) return { kind: 'passphrase', text: await readPassphrase(newPassphraseFile) }
  if (newKeyFile !== undefined) return { kind: 'key-file', key: await readOrMakeKey(newKeyFile, session) }
  return getNewPassphrase(session)
}

async function readOrMakeKey(path: string, { terminal }: Session): Promise<Buffer> {
  try {
    return await readKeyFile(path)
  } catch (thrown) {
    if (!isConvoyError(thrown, 'not-found')) throw thrown
  }
  const key = generateKey()
  await createSecretFile(path, formatKeyFile(key))
  terminal.err(`convoy: made the key ${path}, for which these words stand: ${formatRecoveryPhrase(key)}\n`)
  return key
}

interface SlotName {
  readonly destination: string
  readonly id: string
}

/** `key remove`: never the last one, with which all would be lost. */
export async function removeKey({ destination, id }: SlotName, flags: AgreementFlags, reach: Reach): Promise<void> {
  const { session } = reach
  const { terminal } = session
  const call = shortCall(session)
  await withRepository(parseDestination(destination), reach, call, async (repository) => {
    const { slots } = await readKeySlots(repository.store, call)
    const slot = chooseSlot(slots, id, repository.store.url)
    const described = `the ${describeKind(slot)} ${slot.id}${slot.label === '' ? '' : ` (${slot.label})`}`
    if (flags.dryRun === true) {
      terminal.err(`convoy: ${described} would no longer open ${repository.store.url}\n`)
      return
    }
    const text = `Let ${described} no longer open ${repository.store.url}`
    const question = { text, why: 'whoever has only that key loses the backups', isAnswered: flags.yes === true }
    if (!(await isAgreed(question, session))) {
      leaveAll(session, 'no key was removed')
      return
    }
    await removeKeySlot(repository.store, slot.id, call)
    printLine(terminal, slot.id)
    terminal.err('convoy: whoever had it may have kept what it opened: the data are not encrypted anew\n')
  })
}

const describeKind = ({ kind }: ListedKeySlot) => (kind === 'key-file' ? 'key file' : 'passphrase')

function chooseSlot(found: readonly ListedKeySlot[], id: string, url: string): ListedKeySlot {
  const [slot, ...others] = found.filter((one) => one.id === id || (id.length >= 4 && one.id.startsWith(id)))
  if (slot === undefined || others.length > 0) {
    const what = slot === undefined ? 'no key' : 'more than one key'
    throw new ConvoyError('not-found', `${what} of ${url} has the id ${JSON.stringify(id.slice(0, 40))}`, {
      hint: '"convoy repository key list" shows them',
    })
  }
  if (found.length > 1) return slot
  throw new ConvoyError(
    'invalid-argument',
    `this is the last key of ${url}: without it nobody could read the backups`,
    {
      hint: 'add another one first, by "convoy repository key add"',
    },
  )
}
