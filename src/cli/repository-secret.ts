import { ConvoyError, isConvoyError } from '../errors.js'
import { readSecretFile } from '../host/secret-file.js'
import { parseKeyFile } from '../repository/format/key-file.js'
import type { Unlock } from '../repository/format/key-slots.js'
import type { Access } from './repository-flags.js'
import type { Session } from './session.js'

/** What opens a repository, and where it was found. */
export interface Secret {
  readonly unlock: Unlock
  /** The file that it comes from. */
  readonly path: string
  /** Somebody named it; else it only lies where keys usually do, and may be of another repository. */
  readonly isNamed: boolean
}

type Places = Pick<Access, 'keyFile' | 'passphraseFile'>

/** The key or passphrase that was named, or else the usual key file of this user; undefined when there is none. */
export async function findSecret(access: Places, session: Session): Promise<Secret | undefined> {
  const { keys } = session.environment
  const named = (await findNamed(access)) ?? (await findNamed(withoutEmpty(keys ?? {})))
  if (named !== undefined || keys === undefined) return named
  try {
    return await readKey(keys.usualKeyFile, false)
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return undefined
    throw thrown
  }
}

/** Whether somebody has said, by a flag or in the environment, with which key or passphrase. */
export function isSecretNamed(access: Places, { environment }: Session): boolean {
  return [access, withoutEmpty(environment.keys ?? {})].some(
    ({ keyFile, passphraseFile }) => keyFile !== undefined || passphraseFile !== undefined,
  )
}

/** Where the key file of this command lies, or is to lie. */
export function keyFilePath(access: Places, session: Session): string {
  const { keys } = session.environment
  const path = access.keyFile ?? withoutEmpty(keys ?? {}).keyFile ?? keys?.usualKeyFile
  if (path !== undefined) return path
  throw new ConvoyError('invalid-argument', 'it is not said which key file', { hint: 'use --key-file' })
}

/** Of the key file only, which must be there. */
export async function getKey(access: Places, session: Session): Promise<Buffer> {
  const path = keyFilePath(access, session)
  try {
    return await readKeyFile(path)
  } catch (thrown) {
    throw isConvoyError(thrown, 'not-found') ? noKeyFile(path, thrown) : thrown
  }
}

function noKeyFile(path: string, cause: unknown): ConvoyError {
  return new ConvoyError('not-found', `there is no key file ${path}`, {
    hint: '"convoy repository key generate" makes one, "key import" makes it again of its 24 words',
    cause,
  })
}

const withoutEmpty = ({ keyFile = '', passphraseFile = '' }: Partial<Places>): Places => ({
  keyFile: keyFile === '' ? undefined : keyFile,
  passphraseFile: passphraseFile === '' ? undefined : passphraseFile,
})

async function findNamed({ keyFile, passphraseFile }: Places): Promise<Secret | undefined> {
  if (keyFile !== undefined && passphraseFile !== undefined) {
    throw new ConvoyError('invalid-argument', 'a key file and a passphrase file are given', {
      hint: 'give one of them',
    })
  }
  if (keyFile !== undefined) return readKey(keyFile, true)
  if (passphraseFile === undefined) return undefined
  return {
    unlock: { kind: 'passphrase', text: await readPassphrase(passphraseFile) },
    path: passphraseFile,
    isNamed: true,
  }
}

async function readKey(path: string, isNamed: boolean): Promise<Secret> {
  return { unlock: { kind: 'key-file', key: await readKeyFile(path) }, path, isNamed }
}

/** The key in that file. */
export async function readKeyFile(path: string): Promise<Buffer> {
  return parseKeyFile((await readSecretFile(path, 'the key file')).toString(), path)
}

/** Its first line. */
export async function readPassphrase(path: string): Promise<string> {
  const bytes = await readSecretFile(path, 'the passphrase file')
  const [text = ''] = bytes.toString().split(/\r?\n/)
  if (text !== '') return text
  throw new ConvoyError('invalid-argument', `${path} holds no passphrase`, { hint: 'its first line is taken' })
}

/** What is typed at the terminal; undefined when nobody sits there. */
export async function askPassphrase(question: string, session: Session): Promise<Unlock | undefined> {
  const text = await session.terminal.askSecret?.(question)
  return text === undefined || text === '' ? undefined : { kind: 'passphrase', text }
}

const leastCharacters = 8

/** A new one, typed twice. ConvoyError `invalid-argument` where nobody can type it. */
export async function getNewPassphrase({ terminal }: Session): Promise<Unlock> {
  const text = await terminal.askSecret?.('New passphrase:')
  if (text === undefined) {
    throw new ConvoyError('invalid-argument', 'there is no terminal to type a passphrase at', {
      hint: 'give a file with --passphrase-file or --new-passphrase-file',
    })
  }
  if (text.length < leastCharacters) {
    throw new ConvoyError('invalid-argument', `a passphrase has at least ${leastCharacters} characters`)
  }
  if ((await terminal.askSecret?.('Once more:')) !== text) {
    throw new ConvoyError('invalid-argument', 'the two passphrases differ; nothing was changed')
  }
  return { kind: 'passphrase', text }
}
