import { ConvoyError } from '../errors.js'
import { createSecretFile } from '../host/secret-file.js'
import { parseDestination } from '../model/backup-url.js'
import { formatKeyFile, generateKey as makeKey } from '../repository/format/key-file.js'
import { formatRecoveryPhrase, parseRecoveryPhrase } from '../repository/format/recovery-phrase.js'
import { Repository } from '../repository/repository.js'
import { findConfig, type Reach, withStore } from './repository-access.js'
import { getKey, keyFilePath } from './repository-secret.js'
import { shortCall } from './repository-work.js'
import type { Session } from './session.js'
import { printLine } from './terminal.js'

/** `key generate`: the words go to stdout, the only time that they are shown without being asked for. */
export async function generateKey(destination: string | undefined, reach: Reach): Promise<void> {
  const { access, session } = reach
  if (destination !== undefined) await refuseOldRepository(destination, reach)
  const path = keyFilePath(access, session)
  const key = makeKey()
  await createKeyFile(path, key)
  session.terminal.err(`convoy: made the key ${path}. Keep a copy of it, or these words, away from this host:\n`)
  printLine(session.terminal, formatRecoveryPhrase(key))
  session.terminal.err('convoy: without the key or the words nobody can read its backups, not even you\n')
}

/** A key that was made just now opens nothing that is there. */
async function refuseOldRepository(text: string, reach: Reach): Promise<void> {
  const call = shortCall(reach.session)
  await withStore(parseDestination(text), reach, async (store) => {
    if ((await findConfig(store, call)) === undefined) return
    throw new ConvoyError(
      'already-exists',
      `there is a repository at ${store.url} already, which a new key does not open`,
      {
        hint: 'no key was made; bring its own key here, or "convoy repository key add" with it',
      },
    )
  })
}

async function createKeyFile(path: string, key: Buffer): Promise<void> {
  try {
    await createSecretFile(path, formatKeyFile(key))
  } catch (thrown) {
    if (!(thrown instanceof ConvoyError) || thrown.code !== 'already-exists') throw thrown
    throw new ConvoyError('already-exists', thrown.message, {
      hint: 'a key is never written over: backups may need it; --key-file names another place',
      cause: thrown,
    })
  }
}

/** `key export`: nothing but the words on stdout. */
export async function exportKey(destination: string | undefined, reach: Reach): Promise<void> {
  const key = await getKey(reach.access, reach.session)
  if (destination !== undefined) await proveKey(key, destination, reach)
  printLine(reach.session.terminal, formatRecoveryPhrase(key))
}

/** `key import`: no file is made of words that do not open the destination. */
export async function importKey(destination: string | undefined, reach: Reach): Promise<void> {
  const { access, session } = reach
  const path = keyFilePath(access, session)
  const key = parseRecoveryPhrase(await readWords(session))
  if (destination !== undefined) await proveKey(key, destination, reach)
  await createKeyFile(path, key)
  session.terminal.err(
    `convoy: made the key ${path}${destination === undefined ? '' : `, which opens ${destination}`}\n`,
  )
}

/** Typed words are seen: nobody gets 24 of them right without. */
async function readWords({ terminal }: Session): Promise<string> {
  const text = (await terminal.ask?.('The 24 words:')) ?? (await terminal.readInput?.()) ?? ''
  if (text.trim() !== '') return text
  throw new ConvoyError('invalid-argument', 'no words were given', { hint: 'type them, or pipe them in' })
}

async function proveKey(key: Buffer, text: string, reach: Reach): Promise<void> {
  const call = shortCall(reach.session)
  await withStore(parseDestination(text), reach, async (store) => {
    const repository = await Repository.open(store, { unlock: { kind: 'key-file', key } }, call)
    if (repository.config.encryption !== 'none') return
    throw new ConvoyError('invalid-argument', `the repository at ${store.url} is not encrypted, and needs no key`)
  })
}
