import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { codeOf, ConvoyError, isErrno, toConvoyError } from '../errors.js'
import { fsyncHere, sync } from './replace-file.js'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants

/** More than any secret has. */
const mostBytes = 64 * 1024

/**
 * What is in a file that holds a secret, or what a pipe in its place gives. ConvoyError `not-found`; `invalid-argument` for one that is no
 * file, is too large, or may be read by others. `what` names it: `the credentials file`.
 */
export async function readSecretFile(path: string, what: string): Promise<Buffer> {
  const file = await open(path, O_RDONLY).catch((thrown: unknown) => {
    throw refusal(`${what} ${path}`, thrown)
  })
  try {
    await refuseOpenSecret(file, path, what)
    return await readBounded(file, `${what} ${path}`)
  } catch (thrown) {
    throw thrown instanceof ConvoyError ? thrown : refusal(`${what} ${path}`, thrown)
  } finally {
    await file.close()
  }
}

function refusal(what: string, cause: unknown): ConvoyError {
  const isMissing = isErrno(cause, 'ENOENT', 'ENOTDIR')
  const reason = isMissing ? 'is not there' : `cannot be read: ${codeOf(cause) || toConvoyError(cause).message}`
  return new ConvoyError(isMissing ? 'not-found' : 'invalid-argument', `${what} ${reason}`, {
    hint: 'check the path',
    cause,
  })
}

async function refuseOpenSecret(file: FileHandle, path: string, what: string): Promise<void> {
  const stats = await file.stat()
  if (stats.isFIFO()) return
  const refuse = (why: string, hint: string) => new ConvoyError('invalid-argument', `${what} ${path} ${why}`, { hint })
  if (!stats.isFile()) throw refuse('is no file', 'check the path')
  if ((stats.mode & 0o077) !== 0) throw refuse('may be read by others', `chmod 600 ${path}`)
}

async function readBounded(file: FileHandle, what: string): Promise<Buffer> {
  const bytes = Buffer.alloc(mostBytes + 1)
  let length = 0
  for (let bytesRead = -1; bytesRead !== 0 && length <= mostBytes; length += bytesRead) {
    ;({ bytesRead } = await file.read(bytes, length, bytes.length - length))
  }
  if (length <= mostBytes) return bytes.subarray(0, length)
  throw new ConvoyError('invalid-argument', `${what} is too large to be one`, { hint: 'check the path' })
}

/** Makes a durable file of mode 0600, and the directories above it. ConvoyError `already-exists` when anything is there. */
export async function createSecretFile(path: string, text: string): Promise<void> {
  const file = await openNew(path)
  try {
    await file.writeFile(text)
    await file.sync()
    await sync(dirname(path), fsyncHere)
  } catch (cause) {
    await unlink(path).catch(() => undefined)
    throw new ConvoyError('unavailable', `${path} cannot be written (${codeOf(cause)})`, { cause })
  } finally {
    await file.close()
  }
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    return await open(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
  } catch (cause) {
    if (isErrno(cause, 'EEXIST')) throw new ConvoyError('already-exists', `${path} exists already`, { cause })
    throw new ConvoyError('invalid-argument', `${path} cannot be made (${codeOf(cause)})`, { cause })
  }
}
