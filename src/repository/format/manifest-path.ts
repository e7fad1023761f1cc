import { damaged } from './damage.js'
import { entryLimits } from './entry-body.js'

/**
 * Paths in a manifest are the names from the root down with a zero byte between them, since no name contains one: so the order of
 * the bytes is the order of a walk, each directory before what is in it. The root has the empty path.
 */
export const separator = 0

const slash = 0x2f
const dot = 0x2e

/** ConvoyError `damaged` for the empty path, and unless every name could be one of a file. */
export function checkPath(path: Buffer): void {
  if (path.length === 0 || path.length > entryLimits.pathBytes) throw damaged('a path is empty, or too long')
  checkNames(path, 0)
}

/** Looks at the names from that offset on, where one begins; says where the last begins. */
export function checkNames(path: Buffer, from: number): number {
  let start = from
  for (let at = from; at <= path.length; at++) {
    const byte = at === path.length ? separator : path[at]
    if (byte === slash) throw damaged('a name contains a slash')
    if (byte !== separator) continue
    checkName(path, start, at)
    if (at < path.length) start = at + 1
  }
  return start
}

function checkName(path: Buffer, start: number, end: number): void {
  const length = end - start
  const isRelative = path[start] === dot && (length === 1 || (length === 2 && path[start + 1] === dot))
  if (length === 0 || length > entryLimits.nameBytes || isRelative)
    throw damaged('a name is none that a file could have')
}

export function commonPrefixBytes(a: Buffer, b: Buffer): number {
  const length = Math.min(a.length, b.length)
  let at = 0
  while (at < length && a[at] === b[at]) at++
  return at
}

/**
 * Sees to it that the entries of a manifest come in the order of a walk, and each in a directory that has come before it. Remembers
 * the last path and the directories that lead to it, and so takes no more memory for a larger tree.
 */
export class PathGuard {
  #last: Buffer | undefined
  /** How long the paths of the directories are that lead to the last path, itself included. */
  #directories: number[] = []
  #hasGap = false

  /** The paths that follow come after some that were not seen: their directories are taken on trust. */
  skip(): void {
    this.#hasGap = true
  }

  /**
   * Throws ConvoyError `damaged` unless the path may come next. Whoever knows how many bytes it shares with the last one saves
   * counting them.
   */
  admit(path: Buffer, isDirectory: boolean, sharedBytes?: number): void {
    const last = this.#last
    const shared = sharedBytes ?? (last === undefined ? 0 : commonPrefixBytes(last, path))
    if (last !== undefined && !isBehind(path, last, shared)) throw damaged('its entries are not in order')
    if (path.length > entryLimits.pathBytes) throw damaged('a path is too long')
    if (path.length === 0 && !isDirectory) throw damaged('the root is no directory')
    this.#last = path
    if (this.#hasGap) this.#trust(path)
    else if (path.length > 0) this.#enter(path, shared)
    if (isDirectory) this.#directories.push(path.length)
  }

  #enter(path: Buffer, shared: number): void {
    // What both paths share has been looked at.
    const from = shared === 0 ? 0 : path.lastIndexOf(separator, shared - 1) + 1
    const nameAt = checkNames(path, from)
    while (!leadsTo(this.#directories.at(-1), path, shared)) this.#directories.pop()
    if (this.#directories.at(-1) !== Math.max(nameAt - 1, 0)) throw damaged('an entry is in no directory')
  }

  #trust(path: Buffer): void {
    this.#hasGap = false
    if (path.length > 0) checkPath(path)
    this.#directories = path.length === 0 ? [] : [0]
    for (let at = path.indexOf(separator); at >= 0; at = path.indexOf(separator, at + 1)) this.#directories.push(at)
  }
}

function isBehind(path: Buffer, last: Buffer, shared: number): boolean {
  if (shared === last.length) return path.length > shared
  return shared < path.length && (path[shared] ?? 0) > (last[shared] ?? 0)
}

/** Whether the directory with that many bytes of the last path is one on the way to this path. True when there is none. */
function leadsTo(directoryBytes: number | undefined, path: Buffer, shared: number): boolean {
  if (directoryBytes === undefined || directoryBytes === 0) return true
  return directoryBytes <= shared && path[directoryBytes] === separator
}
