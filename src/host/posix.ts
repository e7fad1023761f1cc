import { addon } from './posix-addon.js'
import { orThrow } from './posix-errors.js'
import { recordErrno } from './stat-record.js'

/*
 * Looking at trees through open directories: what is done happens in that directory, wherever its path leads by now, and never behind
 * a symbolic link. Names are single names, any bytes. All of it is synchronous, works in every thread, and throws errors as Node's
 * own functions do. What makes and changes files is in posix-making.ts.
 */

/** Follows links, because whoever calls means that path. Throws ENOTDIR for what is no directory. */
export function openRoot(path: string | Buffer): number {
  const bytes = Buffer.from(path)
  return orThrow(addon.openRoot(bytes), 'open', bytes)
}

/** Throws ENOTDIR for what is no directory, a link included. The name may be `..`: whatever directory this one is in by now. */
export function openDirectoryAt(parentFd: number, name: Buffer): number {
  return orThrow(addon.openDirectoryAt(parentFd, name), 'openat', name)
}

/** For reading. Throws ELOOP for a link; never waits for a FIFO, so look at the type of what is open. Its access time stays, where allowed. */
export function openFileAt(parentFd: number, name: Buffer): number {
  return orThrow(addon.openFileAt(parentFd, name), 'openat', name)
}

export function closeFd(fd: number): void {
  orThrow(addon.closeFd(fd), 'close')
}

/**
 * The names of a directory in the order of their bytes, in as few objects as a directory of a million needs. It does not keep the
 * directory: who asks for more may have closed it meanwhile, and opened it again.
 */
export class NameList {
  readonly count: number
  readonly #names: Buffer
  #next = 0

  constructor(directoryFd: number) {
    ;[this.#names, this.count] = orThrow(addon.readNames(directoryFd), 'getdents64')
  }

  /** The next names with their stat records, `most` at once; undefined at the end. Names are views. */
  next(directoryFd: number, most: number): { readonly names: readonly Buffer[]; readonly records: Buffer } | undefined {
    const start = this.#next
    const names = this.#take(most)
    if (names.length === 0) return undefined
    const records = addon.statPackedNames(directoryFd, this.#names.subarray(start, this.#next), names.length)
    return { names, records }
  }

  #take(most: number): Buffer[] {
    const names: Buffer[] = []
    while (names.length < most && this.#next < this.#names.length) {
      const end = this.#names.indexOf(0, this.#next)
      names.push(this.#names.subarray(this.#next, end))
      this.#next = end + 1
    }
    return names
  }
}

/** In the order of their bytes, without `.` and `..`. Views of one Buffer. See {@link NameList} for big directories. */
export function readNames(directoryFd: number): Buffer[] {
  const [packed, count] = orThrow(addon.readNames(directoryFd), 'getdents64')
  const names: Buffer[] = []
  for (let start = 0; names.length < count;) {
    const end = packed.indexOf(0, start)
    names.push(packed.subarray(start, end))
    start = end + 1
  }
  return names
}

/** A stat record (see stat-record.ts) of each name. One that has vanished, or cannot be looked at, has mode 0 and says why. */
export function statNames(directoryFd: number, names: readonly Buffer[]): Buffer {
  return addon.statNames(directoryFd, names)
}

/** One stat record. */
export function statAt(parentFd: number, name: Buffer): Buffer {
  const record = addon.statNames(parentFd, [name])
  orThrow(-recordErrno(record), 'statx', name)
  return record
}

/** One stat record. */
export function statFd(fd: number): Buffer {
  return orThrow(addon.statFd(fd), 'statx')
}

/** One Buffer that holds all, each with a 0 byte at its end: what `readFilesAt` takes, and what is cheap to send to a thread. */
export function packNames(names: readonly Buffer[]): Buffer {
  const packed = Buffer.alloc(names.reduce((sum, { length }) => sum + length + 1, 0))
  let at = 0
  for (const name of names) {
    packed.set(name, at)
    at += name.length + 1
  }
  return packed
}

export interface FileBatch {
  /** The directory of each file. */
  readonly directoryFds: Int32Array
  /** As `packNames` makes it. */
  readonly names: Buffer
  /** A file that is larger is not read: EFBIG. At most 4 GiB. */
  readonly limitBytes: number
  /** The contents, one after another. */
  readonly into: Buffer
}

/**
 * Reads whole small files in one call. Returns a stat record of each, taken after it was read, whose size is what was read: so
 * contents are found by adding sizes up. Where `recordErrno` is not 0 nothing was read: EFBIG, ENOBUFS (no space left in `into`),
 * ESTALE (no regular file any more), ELOOP (a link by now), or what the system says. See `wasChanged` and `mayHaveXattrs`.
 */
export function readFilesAt({ directoryFds, names, limitBytes, into }: FileBatch): Buffer {
  return addon.readFilesAt(directoryFds, names, limitBytes, into)
}

export function readLinkAt(parentFd: number, name: Buffer): Buffer {
  return orThrow(addon.readLinkAt(parentFd, name), 'readlinkat', name)
}

export type Xattr = readonly [name: Buffer, value: Buffer]

/** Of what is open, sorted by name; undefined when it has none, or its file system knows none. */
export function getXattrs(fd: number): readonly Xattr[] | undefined {
  return sortedXattrs(orThrow(addon.getXattrs(fd), 'fgetxattr'))
}

/** Of a name, of a link itself. */
export function getXattrsAt(parentFd: number, name: Buffer): readonly Xattr[] | undefined {
  return sortedXattrs(orThrow(addon.getXattrsAt(parentFd, name), 'lgetxattr', name))
}

function sortedXattrs(xattrs: Xattr[] | undefined): readonly Xattr[] | undefined {
  if (xattrs === undefined || xattrs.length === 0) return undefined
  return xattrs.sort(([a], [b]) => a.compare(b))
}

/** Where data begins, at the offset or after it; undefined when there is none up to the end. */
export function nextData(fd: number, offset: number): number | undefined {
  const found = addon.nextData(fd, BigInt(offset))
  return found === -noSuchAddress ? undefined : orThrow(found, 'lseek')
}

/** Where the data at the offset ends, the end of the file included. The offset itself when the file ends before it. */
export function nextHole(fd: number, offset: number): number {
  const found = addon.nextHole(fd, BigInt(offset))
  return found === -noSuchAddress ? offset : orThrow(found, 'lseek')
}

/** ENXIO */
const noSuchAddress = 6
