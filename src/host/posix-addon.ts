import { createRequire } from 'node:module'

/** What a call returns for what the system refused: a negative errno. */
type Refused = number

/**
 * The addon of `src/native` as it is; `posix.ts` and `posix-making.ts` make errors of what it returns. A name is a Buffer, several are
 * one Buffer where each ends with a 0 byte. Wrong kinds of arguments are a TypeError.
 */
export interface PosixAddon {
  openRoot(path: Buffer): number
  openDirectoryAt(parentFd: number, name: Buffer): number
  openFileAt(parentFd: number, name: Buffer): number
  closeFd(fd: number): number
  nextData(fd: number, offset: bigint): number
  nextHole(fd: number, offset: bigint): number
  readNames(directoryFd: number): readonly [names: Buffer, count: number] | Refused
  statPackedNames(directoryFd: number, names: Buffer, count: number): Buffer
  statNames(directoryFd: number, names: readonly Buffer[]): Buffer
  statFd(fd: number): Buffer | Refused
  readFilesAt(directoryFds: Int32Array, names: Buffer, limitBytes: number, into: Buffer): Buffer
  readLinkAt(parentFd: number, name: Buffer): Buffer | Refused
  getXattrs(fd: number): [Buffer, Buffer][] | Refused | undefined
  getXattrsAt(parentFd: number, name: Buffer): [Buffer, Buffer][] | Refused | undefined
  /** `withOwner` is 0 or 1. Of each file that failed errno and step, of the others two zeros. */
  writeFilesAt(
    directoryFds: Int32Array,
    names: Buffer,
    blocks: Buffer,
    data: Buffer,
    offsets: Uint32Array,
    withOwner: number,
    modeMask: number,
  ): Int32Array | undefined
  createFileAt(parentFd: number, name: Buffer): number
  finishFile(fd: number, block: Buffer, withOwner: number, modeMask: number): Int32Array | undefined
  setXattr(fd: number, attribute: Buffer, value: Buffer): number
  setXattrAt(parentFd: number, name: Buffer, attribute: Buffer, value: Buffer): number
  removeXattr(fd: number, attribute: Buffer): number
  makeDirectoryAt(parentFd: number, name: Buffer, mode: number): number
  symlinkAt(target: Buffer, parentFd: number, name: Buffer): number
  linkAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): number
  makeNodeAt(parentFd: number, name: Buffer, mode: number, major: number, minor: number): number
  setOwnerAt(parentFd: number, name: Buffer, uid: number, gid: number): number
  setModeAt(parentFd: number, name: Buffer, mode: number): number
  setTimesAt(parentFd: number, name: Buffer, seconds: bigint, nanoseconds: number): number
  renameAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): number
  renameDirectoryAt(parentFd: number, name: Buffer, newParentFd: number, newName: Buffer): number
  unlinkAt(parentFd: number, name: Buffer): number
  removeDirectoryAt(parentFd: number, name: Buffer): number
  syncFileSystem(fd: number): number
}

// It is compiled in its own folder; in the program that is shipped it lies beside.
export const addon = createRequire(import.meta.url)('../../../src/native/build/Release/posix.node') as PosixAddon
