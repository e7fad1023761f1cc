import { constants } from 'node:os'
import type { DirectoryHandle } from '../../host/directory-handle.js'
import { posixError } from '../../host/posix-errors.js'
import { NameList, statFd } from '../../host/posix.js'
import { isMountRoot, recordAt, recordDevice, recordErrno, recordMode } from '../../host/stat-record.js'
import { findFileType } from '../format/file-types.js'
import { isSameFile } from './same-file.js'
import { rootPath } from '../format/tree-path.js'

/** What the walk came to. */
export interface WalkedFile {
  /** Components with a 0 byte between them; empty for the root. */
  readonly path: Buffer
  readonly name: Buffer
  /** The directory that it is in, open until the next one is asked for: whoever needs it longer retains it. Of the root: itself. */
  readonly directory: DirectoryHandle
  /** See host/stat-record. */
  readonly record: Buffer
  /** Something else is mounted there, and the walk does not look into it. */
  readonly isMount: boolean
}

export interface TreeWalkDeps {
  /** What is not wanted. */
  readonly isExcluded: (path: Buffer, isDirectory: boolean) => boolean
  /** What could not be looked at, and why: as Node throws. */
  readonly onProblem: (path: Buffer, thrown: unknown) => void
}

/** Names that are looked at together. */
const namesPerBatch = 1024
/** How many of the directories that the walk is in stay open: a tree may be deeper than files may be open. */
const openDirectories = 64

const separator = Buffer.alloc(1)
const parentName = Buffer.from('..')

/** A directory that the walk is in. */
interface Level {
  readonly path: Buffer
  readonly record: Buffer
  readonly names: NameList
  /** Undefined while the walk is far below. */
  handle: DirectoryHandle | undefined
  batch: { readonly names: readonly Buffer[]; readonly records: Buffer } | undefined
  next: number
}

/**
 * Everything in a directory, in the order of a manifest: parents before what is in them, names in the order of their bytes. It stays in
 * one file system, lists a directory when it comes to it, opens nothing else, and takes little memory however deep or wide a tree is.
 * Every call is synchronous.
 */
export class TreeWalk {
  readonly root: WalkedFile
  readonly #deps: TreeWalkDeps
  readonly #device: bigint
  readonly #levels: Level[] = []
  /** What was told last, and is looked into next. */
  #last: WalkedFile | undefined

  /** `root` is closed with the walk. Throws what the system says when it cannot be read. */
  constructor(root: DirectoryHandle, deps: TreeWalkDeps) {
    const record = statFd(root.fd)
    this.#deps = deps
    this.#device = recordDevice(record)
    this.root = { path: rootPath, name: rootPath, directory: root, record, isMount: false }
    this.#levels.push(newLevel(this.root, root))
  }

  /** What comes next, the root not included; undefined at the end. */
  next(): WalkedFile | undefined {
    const last = this.#last
    this.#last = undefined
    if (last !== undefined && findFileType(recordMode(last.record)) === 'd' && !last.isMount) this.#enter(last)
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      const found = this.#step(level)
      if (found === 'end') this.#leave(level)
      else if (found !== 'none') return (this.#last = found)
    }
    return undefined
  }

  /** Does not look into the directory that was told last. */
  skip(): void {
    this.#last = undefined
  }

  close(): void {
    for (const { handle } of this.#levels.splice(0)) handle?.release()
  }

  /** What is at the next name of the directory, if that is wanted and can be looked at; `end` when there is no name left. */
  #step(level: Level): WalkedFile | 'none' | 'end' {
    const directory = level.handle
    const found = directory === undefined ? undefined : take(level, directory)
    if (directory === undefined || found === undefined) return 'end'
    const { name, record } = found
    const path = level.path.length === 0 ? name : Buffer.concat([level.path, separator, name])
    const isDirectory = findFileType(recordMode(record)) === 'd'
    if (this.#deps.isExcluded(path, isDirectory)) return 'none'
    if (recordErrno(record) !== 0) {
      this.#deps.onProblem(path, posixError(recordErrno(record), 'statx', name))
      return 'none'
    }
    const isMount = isMountRoot(record) || recordDevice(record) !== this.#device
    return { path, name, directory, record, isMount }
  }

  #enter(file: WalkedFile): void {
    try {
      this.#levels.push(openLevel(file))
    } catch (thrown) {
      this.#deps.onProblem(file.path, thrown)
      return
    }
    const far = this.#levels.at(-1 - openDirectories)
    far?.handle?.release()
    if (far !== undefined) far.handle = undefined
  }

  #leave(level: Level): void {
    this.#levels.pop()
    const parent = this.#levels.at(-1)
    try {
      if (parent !== undefined && level.handle !== undefined) parent.handle ??= reopen(parent, level.handle)
    } catch (thrown) {
      // Without it the rest of that directory cannot be reached, nor what lies above.
      this.#deps.onProblem(parent?.path ?? level.path, thrown)
    } finally {
      level.handle?.release()
    }
  }
}

function openLevel(file: WalkedFile): Level {
  const handle = file.directory.openChild(file.name)
  try {
    if (!isSameFile(statFd(handle.fd), file.record)) throw stale(file.name)
    return newLevel(file, handle)
  } catch (thrown) {
    handle.release()
    throw thrown
  }
}

function newLevel({ path, record }: WalkedFile, handle: DirectoryHandle): Level {
  return { path, record, names: new NameList(handle.fd), handle, batch: undefined, next: 0 }
}

function take(level: Level, directory: DirectoryHandle): { name: Buffer; record: Buffer } | undefined {
  if (level.batch === undefined || level.next === level.batch.names.length) {
    level.batch = level.names.next(directory.fd, namesPerBatch)
    level.next = 0
  }
  const name = level.batch?.names[level.next]
  if (level.batch === undefined || name === undefined) return undefined
  return { name, record: recordAt(level.batch.records, level.next++) }
}

/** From below, which is one step however deep it is. */
function reopen(level: Level, child: DirectoryHandle): DirectoryHandle {
  const handle = child.openChild(parentName)
  if (isSameFile(statFd(handle.fd), level.record)) return handle
  handle.release()
  throw stale(parentName)
}

/** Another directory is where it was. */
function stale(name: Buffer): Error {
  return posixError(constants.errno.ESTALE, 'openat', name)
}
