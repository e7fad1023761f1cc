import { addon } from './posix-addon.js'
import { orThrow, posixError } from './posix-errors.js'

/*
 * Making and changing files in open directories; see posix.ts for what holds for all of it. The mask of the process is not taken off
 * where a mode is set (`setModeAt`, `finishFile`, `writeFilesAt`), and is where something is made with a mode.
 */

/** What of a stat block a new file gets. */
export interface FinishOptions {
  /** Give it to the owner that the block names: for root. */
  readonly withOwner: boolean
  /** The permission bits that may be set, 0o7777 for all; 0o1777 leaves setuid and setgid away. */
  readonly modeMask: number
}

export interface NewFiles {
  /** The directory of each file. */
  readonly directoryFds: Int32Array
  /** As `packNames` of posix.ts makes it. */
  readonly names: Buffer
  /** The stat block of each, 52 bytes. Its size is how long the content is. */
  readonly blocks: Buffer
  readonly data: Buffer
  /** Where in `data` each content begins. */
  readonly offsets: Uint32Array
}

export interface FileFailure {
  readonly index: number
  readonly error: NodeJS.ErrnoException
}

/** Of a `step` of the addon. */
const syscalls = ['openat', 'write', 'fchown', 'fchmod', 'futimens'] as const

/**
 * Makes files that do not exist yet, writes them, and gives them owner, mode and time of modification. Returns what failed: the
 * file is not there (openat), is not whole (write), or lacks only what the system call gives. Without its owner a file gets neither
 * setuid nor setgid.
 */
export function writeFilesAt(files: NewFiles, { withOwner, modeMask }: FinishOptions): readonly FileFailure[] {
  const { directoryFds, names, blocks, data, offsets } = files
  const results = addon.writeFilesAt(directoryFds, names, blocks, data, offsets, Number(withOwner), modeMask)
  return results === undefined ? [] : failuresOf(results)
}

/** For reading and writing, mode 0600, with no content yet. Throws EEXIST for whatever is there, a link included. */
export function createFileAt(parentFd: number, name: Buffer): number {
  return orThrow(addon.createFileAt(parentFd, name), 'openat', name)
}

/** Gives an open file or directory what `writeFilesAt` gives. Does all it can, and then throws what failed first. */
export function finishFile(fd: number, block: Buffer, { withOwner, modeMask }: FinishOptions): void {
  const results = addon.finishFile(fd, block, Number(withOwner), modeMask)
  const [failure] = results === undefined ? [] : failuresOf(results)
  if (failure !== undefined) throw failure.error
}

function failuresOf(results: Int32Array): FileFailure[] {
  const failures: FileFailure[] = []
  for (let index = 0; 2 * index < results.length; index++) {
    const errno = results[2 * index] ?? 0
    if (errno !== 0) failures.push({ index, error: posixError(errno, syscalls[results[2 * index + 1] ?? 0] ?? '') })
  }
  return failures
}

export function makeDirectoryAt(parentFd: number, name: Buffer, mode: number): void {
  orThrow(addon.makeDirectoryAt(parentFd, name, mode), 'mkdirat', name)
}

export function symlinkAt(target: Buffer, parentFd: number, name: Buffer): void {
  orThrow(addon.symlinkAt(target, parentFd, name), 'symlinkat', name)
}

/** One more name for a file, for a link itself too. */
export function linkAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): void {
  orThrow(addon.linkAt(parentFd, name, newParentFd, newName), 'linkat', newName)
}

export interface NodeNumbers {
  readonly major: number
  readonly minor: number
}

/** A FIFO, a socket or a device, as the type in `mode` says. */
export function makeNodeAt(parentFd: number, name: Buffer, mode: number, { major, minor }: NodeNumbers): void {
  orThrow(addon.makeNodeAt(parentFd, name, mode, major, minor), 'mknodat', name)
}

/** Of a link itself. Takes setuid and setgid away from files. */
export function setOwnerAt(parentFd: number, name: Buffer, uid: number, gid: number): void {
  orThrow(addon.setOwnerAt(parentFd, name, uid, gid), 'fchownat', name)
}

/** Throws ELOOP for a link. */
export function setModeAt(parentFd: number, name: Buffer, mode: number): void {
  orThrow(addon.setModeAt(parentFd, name, mode), 'fchmodat', name)
}

/** The time of modification, of a link itself. */
export function setTimesAt(parentFd: number, name: Buffer, seconds: bigint, nanoseconds: number): void {
  orThrow(addon.setTimesAt(parentFd, name, seconds, nanoseconds), 'utimensat', name)
}

export function setXattr(fd: number, attribute: Buffer, value: Buffer): void {
  orThrow(addon.setXattr(fd, attribute, value), 'fsetxattr', attribute)
}

/** Of a link itself. */
export function setXattrAt(parentFd: number, name: Buffer, attribute: Buffer, value: Buffer): void {
  orThrow(addon.setXattrAt(parentFd, name, attribute, value), 'lsetxattr', attribute)
}

/** Throws ENODATA when it has none of that name. */
export function removeXattr(fd: number, attribute: Buffer): void {
  orThrow(addon.removeXattr(fd, attribute), 'fremovexattr', attribute)
}

/**
 * Never replaces anything: EEXIST. Throws ENOTSUP where kernel or file system cannot promise that, as NFS; a directory can be
 * renamed with `renameDirectoryAt` there.
 */
export function renameAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): void {
  const result = addon.renameAt(parentFd, name, newParentFd, newName)
  if (result === -invalid || result === -noSuchCall) throw posixError(notSupported, 'renameat2', newName)
  orThrow(result, 'renameat2', newName)
}

/** Replaces nothing but an empty directory: ENOTEMPTY, ENOTDIR. */
export function renameDirectoryAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): void {
  orThrow(addon.renameDirectoryAt(parentFd, name, newParentFd, newName), 'renameat', newName)
}

export function unlinkAt(parentFd: number, name: Buffer): void {
  orThrow(addon.unlinkAt(parentFd, name), 'unlinkat', name)
}

export function removeDirectoryAt(parentFd: number, name: Buffer): void {
  orThrow(addon.removeDirectoryAt(parentFd, name), 'unlinkat', name)
}

/** Makes durable all that has been written to the file system of what is open. */
export function syncFileSystem(fd: number): void {
  orThrow(addon.syncFileSystem(fd), 'syncfs')
}

/** EINVAL, ENOSYS, ENOTSUP */
const [invalid, noSuchCall, notSupported] = [22, 38, 95] as const
