import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { parseJsonObject } from '../model/json-object.js'
import { optional } from '../model/optional.js'
import type { Space } from '../model/space.js'
import { isErrno } from '../errors.js'
import { type Fsync, ifPossible, type NewContent, replaceFile, setAside, sync } from './replace-file.js'

/** One step on a path that may hang. A list of them runs in order and stops at the first that fails. */
export type FileOperation =
  /** `undefined` when nothing is there. Never follows a link. */
  | { readonly op: 'stat'; readonly path: string }
  /** Asks the storage itself: the kernel knows of a `stat` also while a server does not answer. */
  | { readonly op: 'statfs'; readonly path: string }
  /**
   * `null` when a directory that is made at `path` can be given to another user, otherwise whose it stays: `uid:gid`. It is gone
   * afterwards.
   */
  | { readonly op: 'try-owner'; readonly path: string }
  /** Fails with EEXIST when anything is there, so that what follows in the list does not happen. */
  | { readonly op: 'expect-nothing'; readonly path: string }
  /** An existing directory is no error, and keeps its mode. */
  | { readonly op: 'mkdir'; readonly path: string; readonly mode: number }
  /** A directory that appears with its owner and mode or not at all: it is made at `via` and moved. */
  | ({ readonly op: 'mkdir-owned'; readonly path: string; readonly via: string } & DirectoryOwner)
  /** Replaces the file as a whole: readers see the old or the new one, also after a power cut. */
  | ({ readonly op: 'write'; readonly path: string } & NewContent)
  | ({ readonly op: 'amend'; readonly path: string } & Amendment)
  /** Makes a file that a `write` can become, unless it is there. A disk without room is no error. */
  | { readonly op: 'set-aside'; readonly path: string }
  /** `undefined` when nothing is there. */
  | { readonly op: 'read'; readonly path: string }
  /** The names of a directory's regular files that end in `suffix`. None when there is no directory. */
  | { readonly op: 'list'; readonly path: string; readonly suffix: string }
  /**
   * Moves within one file system and makes it durable; fails with EEXIST rather than replace anything. `ifThere`: nothing to
   * move is no error.
   */
  | { readonly op: 'move'; readonly from: string; readonly to: string; readonly ifThere?: boolean }
  /** What is gone already is no error. */
  | { readonly op: 'unlink'; readonly path: string }
  /** A sparse file, unless something has that name already. */
  | { readonly op: 'make-sparse'; readonly path: string; readonly sizeBytes: number }
  /** Makes the entries of a directory durable. */
  | { readonly op: 'sync'; readonly path: string }

type Amend = Extract<FileOperation, { op: 'amend' }>

export type Members = Readonly<Record<string, string | number>>

/** Sets members of the JSON object in a file, all or none; the others stay as they are. */
export interface Amendment extends Pick<NewContent, 'spare'> {
  /** ENOENT unless the object is there and has these. */
  readonly expected: Members
  /** Nothing is written if it has these already. */
  readonly unless: Members
  readonly members: Members
  /** A member that goes up by one, from 0 where there is none. */
  readonly counter: string
}

export interface DirectoryOwner {
  readonly mode: number
  readonly uid?: number
  readonly gid?: number
}

export interface FileStatus {
  readonly kind: 'directory' | 'file' | 'other'
  readonly inode: number
}

/** What an operation answers; `null` where it answers nothing or found nothing. */
export type FileResult = FileStatus | Space | string | readonly string[] | null

const largestFileBytes = 1024 * 1024
const anyUser = 1
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_WRONLY } = fs.constants

/** Carries out one operation. Only the slow part, `fsync`, may leave the thread: others of the same process go on meanwhile. */
export async function performFileOperation(operation: FileOperation, fsync: Fsync): Promise<FileResult> {
  switch (operation.op) {
    case 'stat':
      return status(operation.path)
    case 'statfs':
      return space(operation.path)
    case 'try-owner':
      return tryOwner(operation.path)
    case 'expect-nothing':
      expectNothing(operation.path)
      return null
    case 'mkdir':
      makeDirectory(operation.path, operation.mode)
      return null
    case 'mkdir-owned':
      makeOwnedDirectory(operation)
      return null
    case 'write':
      await replaceFile(operation.path, operation, fsync)
      return null
    case 'amend':
      await amend(operation, fsync)
      return null
    case 'set-aside':
      setAside(operation.path)
      return null
    case 'read':
      return readText(operation.path)
    case 'list':
      return listFiles(operation.path, operation.suffix)
    case 'move':
      await move(operation, fsync)
      return null
    case 'unlink':
      fs.rmSync(operation.path, { force: true })
      return null
    case 'make-sparse':
      makeSparse(operation.path, operation.sizeBytes)
      return null
    case 'sync':
      await sync(operation.path, fsync)
      return null
  }
}

function status(path: string): FileStatus | null {
  const found = fs.lstatSync(path, { throwIfNoEntry: false })
  if (found === undefined) return null
  return { kind: found.isDirectory() ? 'directory' : found.isFile() ? 'file' : 'other', inode: found.ino }
}

function space(path: string): Space {
  const { bsize, blocks, bavail, files, ffree } = fs.statfsSync(path)
  return { sizeBytes: blocks * bsize, freeBytes: bavail * bsize, inodes: files, freeInodes: ffree }
}

function tryOwner(path: string): string | null {
  makeDirectory(path, 0o700)
  const { uid, gid } = fs.lstatSync(path)
  try {
    fs.lchownSync(path, anyUser, anyUser)
    return null
  } catch (thrown) {
    if (!isErrno(thrown, 'EPERM', 'EACCES', 'EINVAL')) throw thrown
    return `${uid}:${gid}`
  } finally {
    ifPossible(() => fs.rmdirSync(path))
  }
}

function expectNothing(path: string): void {
  if (status(path) !== null) throw Object.assign(new Error(`EEXIST: ${path} exists`), { code: 'EEXIST' })
}

function makeDirectory(path: string, mode: number): void {
  try {
    fs.mkdirSync(path, { mode: 0o700 })
    fs.chmodSync(path, mode)
  } catch (thrown) {
    if (!isErrno(thrown, 'EEXIST') || status(path)?.kind !== 'directory') throw thrown
  }
}

function makeOwnedDirectory({ path, via, mode, uid, gid }: Extract<FileOperation, { op: 'mkdir-owned' }>): void {
  if (status(path)?.kind === 'directory') return
  makeDirectory(via, 0o700)
  try {
    // Owner first: chown clears the set-id bits of a mode.
    if (uid !== undefined || gid !== undefined) fs.lchownSync(via, uid ?? -1, gid ?? -1)
    fs.chmodSync(via, mode)
    fs.renameSync(via, path)
  } catch (thrown) {
    ifPossible(() => fs.rmdirSync(via))
    throw thrown
  }
}

function readText(path: string): string | null {
  let fd: number
  try {
    fd = fs.openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return null
    throw thrown
  }
  try {
    const found = fs.fstatSync(fd)
    if (!found.isFile() || found.size > largestFileBytes) return ''
    return fs.readFileSync(fd, 'utf8')
  } finally {
    fs.closeSync(fd)
  }
}

async function amend({ path, expected, unless, members, counter, spare }: Amend, fsync: Fsync): Promise<void> {
  const object = parseJsonObject(readText(path) ?? '') ?? {}
  const has = (some: Members) => Object.entries(some).every(([key, value]) => object[key] === value)
  if (!has(expected)) throw Object.assign(new Error(`ENOENT: ${path} is not what was expected`), { code: 'ENOENT' })
  if (has(unless)) return
  const count = object[counter]
  const counted = { [counter]: (typeof count === 'number' ? count : 0) + 1 }
  const text = `${JSON.stringify({ ...object, ...members, ...counted }, null, 2)}\n`
  await replaceFile(path, { text, ...optional('spare', spare) }, fsync)
}

function listFiles(path: string, suffix: string): readonly string[] {
  if (status(path) === null) return []
  return fs
    .readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => entry.name)
}

async function move({ from, to, ifThere }: Extract<FileOperation, { op: 'move' }>, fsync: Fsync): Promise<void> {
  if (ifThere === true && status(from) === null) return
  // Both parents are ours alone, so nothing can appear between the look and the rename.
  expectNothing(to)
  fs.renameSync(from, to)
  await sync(dirname(to), fsync)
  if (dirname(from) !== dirname(to)) await sync(dirname(from), fsync)
}

function makeSparse(path: string, sizeBytes: number): void {
  try {
    const fd = fs.openSync(path, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600)
    try {
      fs.ftruncateSync(fd, sizeBytes)
    } finally {
      fs.closeSync(fd)
    }
  } catch (thrown) {
    if (!isErrno(thrown, 'EEXIST')) throw thrown
  }
}
