import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from '../errors.js'

/** Makes what was written to a descriptor durable. */
export type Fsync = (fd: number) => Promise<void>

/** In this thread. */
export const fsyncHere: Fsync = (fd) => {
  fs.fsyncSync(fd)
  return Promise.resolve()
}

export interface NewContent {
  readonly text: string
  /** A file that was set aside on the same file system: on a full disk it becomes the new one. */
  readonly spare?: string
}

/** More than a sidecar has. */
const spareBytes = 4096
const { O_CREAT, O_NOFOLLOW, O_RDONLY, O_TRUNC, O_WRONLY } = fs.constants

/** Replaces a file as a whole: readers see the old or the new one, also after a power cut. One that fails leaves nothing. */
export async function replaceFile(path: string, content: NewContent, fsync: Fsync): Promise<void> {
  const partial = `${path}.partial`
  try {
    await writePartial(partial, content, fsync)
    fs.renameSync(partial, path)
  } catch (thrown) {
    ifPossible(() => fs.unlinkSync(partial))
    throw thrown
  }
  await sync(dirname(path), fsync)
}

async function writePartial(partial: string, { text, spare }: NewContent, fsync: Fsync): Promise<void> {
  try {
    await write(partial, text, O_CREAT | O_TRUNC, fsync)
  } catch (thrown) {
    if (spare === undefined || !isErrno(thrown, 'ENOSPC', 'EDQUOT')) throw thrown
    if (!ifPossible(() => fs.renameSync(spare, partial))) throw thrown
    // Without O_TRUNC: it keeps its block until there is something in it.
    await write(partial, text, 0, fsync)
  }
}

async function write(path: string, text: string, flags: number, fsync: Fsync): Promise<void> {
  const fd = fs.openSync(path, flags | O_WRONLY | O_NOFOLLOW, 0o600)
  try {
    fs.writeFileSync(fd, text)
    fs.ftruncateSync(fd, Buffer.byteLength(text))
    await fsync(fd)
  } catch (thrown) {
    // What fails on a descriptor does not name the file.
    if (thrown instanceof Error && !('path' in thrown)) thrown.message += ` '${path}'`
    throw thrown
  } finally {
    fs.closeSync(fd)
  }
}

/** Makes a file that {@link replaceFile} can use on a full disk, unless it is there; a disk without room is left as it is. */
export function setAside(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false })?.size === spareBytes) return
  const isDone = ifPossible(() => {
    fs.rmSync(path, { force: true })
    // No zeros: a file system may store them as a hole.
    fs.writeFileSync(path, ' '.repeat(spareBytes), { flag: 'wx', mode: 0o600 })
  })
  if (!isDone) ifPossible(() => fs.unlinkSync(path))
}

/** Makes the entries of a directory durable, or the content of a file. */
export async function sync(path: string, fsync: Fsync): Promise<void> {
  const fd = fs.openSync(path, O_RDONLY)
  try {
    await fsync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

/** Whether it succeeded. */
export function ifPossible(act: () => void): boolean {
  try {
    act()
    return true
  } catch {
    return false
  }
}
