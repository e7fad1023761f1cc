import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import { type FileHandle, link, rename } from 'node:fs/promises'
import { ConvoyError, isErrno } from '../../errors.js'
import type { BytePace } from '../../host/byte-pace.js'
import { type ByteRange, mostObjectBytes, resolveRange } from '../object-store.js'
import type { Folder } from './folder.js'

/** How a new file gets its name: `replace` takes it from another, the others do not. */
export type Naming = 'replace' | 'create' | 'racy-create'

/** Between two looks at the signal. */
const pieceBytes = 4 * 2 ** 20

const temporaryPrefix = '.tmp-'

/** Of a file that is being written, or was when somebody died. */
export const isTemporary = (name: string) => name.startsWith(temporaryPrefix)

export interface NewFile {
  readonly name: string
  readonly bytes: Uint8Array
  readonly naming: Naming
  readonly pace: BytePace | undefined
}

/** Puts a whole file there, durably; one that fails leaves nothing. Resolves to what the file system says of it. */
export async function writeFile(
  folder: Folder,
  { name, bytes, naming, pace }: NewFile,
  signal: AbortSignal,
): Promise<Stats> {
  const temporary = `${temporaryPrefix}${randomBytes(8).toString('hex')}`
  try {
    const stats = await writeTemporary(await folder.createFile(temporary), { bytes, pace }, signal)
    await giveName(folder, { temporary, name, naming, stats })
    await folder.sync()
    return stats
  } catch (thrown) {
    await folder.removeFile(temporary).catch(() => undefined)
    throw thrown
  }
}

async function writeTemporary(
  file: FileHandle,
  { bytes, pace }: Pick<NewFile, 'bytes' | 'pace'>,
  signal: AbortSignal,
): Promise<Stats> {
  const mostBytes = pace?.pieceBytes ?? pieceBytes
  try {
    for (let done = 0; done < bytes.length;) {
      const length = Math.min(mostBytes, bytes.length - done)
      await pace?.take(length, signal)
      refuseAborted(signal)
      done += (await file.write(bytes, done, length)).bytesWritten
    }
    // NFS tells only here that the server's disk is full.
    await file.sync()
    // The time is the file system's: that of the server, on a share.
    return await file.stat()
  } finally {
    await file.close()
  }
}

interface NameChange {
  readonly temporary: string
  readonly name: string
  readonly naming: Naming
  readonly stats: Stats
}

async function giveName(folder: Folder, change: NameChange): Promise<void> {
  const { temporary, name, naming, stats } = change
  try {
    if (naming === 'create') await link(folder.pathOf(temporary), folder.pathOf(name))
    else if (naming === 'racy-create' && (await folder.describe(name)) !== undefined) throw new AlreadyThere()
    else await rename(folder.pathOf(temporary), folder.pathOf(name))
  } catch (thrown) {
    // A share whose first answer was lost repeats the request, and finds that it is done.
    const there = isErrno(thrown, 'EEXIST', 'ENOENT') ? await folder.describe(name) : undefined
    if (there?.ino !== stats.ino || there.dev !== stats.dev) throw thrown
  }
  await folder.removeFile(temporary)
}

/** As link(2) says it. */
class AlreadyThere extends Error {
  readonly code = 'EEXIST'
}

/** The file's bytes, or some of them; undefined for what is no file. Throws ENOENT, and ELOOP for a symbolic link. */
export async function readFile(
  folder: Folder,
  { name, range }: { readonly name: string; readonly range: ByteRange | undefined },
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  const file = await folder.openFile(name)
  try {
    const stats = await file.stat()
    if (!stats.isFile()) return undefined
    const { start, end } = resolveRange(range, stats.size)
    if (end - start > mostObjectBytes) throw new ConvoyError('unsupported', `${name} is too large for an object`)
    return await readAll(file, { start, end }, signal)
  } finally {
    await file.close()
  }
}

async function readAll(
  file: FileHandle,
  { start, end }: { readonly start: number; readonly end: number },
  signal: AbortSignal,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(end - start)
  for (let done = 0; done < bytes.length;) {
    refuseAborted(signal)
    const { bytesRead } = await file.read(bytes, done, Math.min(pieceBytes, bytes.length - done), start + done)
    if (bytesRead === 0) throw new ConvoyError('unavailable', 'a file became shorter while it was read')
    done += bytesRead
  }
  return bytes
}

/** Durably: what is removed next may be what these need. */
export async function removeFiles(folder: Folder, names: readonly string[], signal: AbortSignal): Promise<void> {
  for (const name of names) {
    refuseAborted(signal)
    await folder.removeFile(name)
  }
  await folder.sync()
}

/** ConvoyError `deadline-exceeded` when the signal has aborted. */
export function refuseAborted(signal: AbortSignal): void {
  if (!signal.aborted) return
  throw new ConvoyError('deadline-exceeded', 'given up: the caller has gone or its time is over', {
    cause: signal.reason,
  })
}
