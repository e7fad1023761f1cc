import { codeOf } from '../../errors.js'
import type { DirectoryHandle } from '../../host/directory-handle.js'
import { makeDirectoryAt } from '../../host/posix-making.js'
import { isWithin, nameOf, parentPath, pathsDownTo, rootPath } from '../format/tree-path.js'

interface Level {
  /** Of its own memory: paths of deep trees are long, and there is one for each level. */
  readonly name: Buffer
  /** How much of the path leads to it. */
  readonly end: number
  /** Closed in the middle of long ways, so that any depth needs few descriptors. */
  handle: DirectoryHandle | undefined
}

/** Kept open: so many at the bottom, and one of so many above. */
const step = 64

/**
 * The way from the root of a tree that is being restored down to the directory that is worked on, in the order of a manifest.
 * Directories are opened below their open parents and no link is ever followed, whatever the restore itself has put there.
 */
export class RestoreDirectories {
  readonly #levels: Level[]
  #path: Buffer = rootPath

  /** `root` is closed with the rest. */
  constructor(root: DirectoryHandle) {
    this.#levels = [{ name: rootPath, end: 0, handle: root }]
  }

  /** The directory of that path, open until the next call; who needs it longer retains it. Throws what the system throws. */
  enter(path: Buffer): DirectoryHandle {
    while (!isWithin(path, this.path)) this.leave()
    while (this.#bottom.end < path.length) {
      const next = path.indexOf(0, this.#bottom.end + 1)
      this.#descend(path, next < 0 ? path.length : next)
    }
    return this.#open(this.#levels.length - 1)
  }

  /**
   * As {@link enter}, and makes what is missing on the way: for a manifest that has lost some of its entries. Whoever calls is told
   * of each.
   */
  enterOrMake(path: Buffer, onMade: (path: Buffer) => void): DirectoryHandle {
    try {
      return this.enter(path)
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw thrown
    }
    for (const above of pathsDownTo(path)) this.#makeMissing(above, onMade)
    return this.enter(path)
  }

  /** Where it is. */
  get path(): Buffer {
    return this.#path.subarray(0, this.#bottom.end)
  }

  /** Goes up one level; nothing at the root. */
  leave(): void {
    if (this.#levels.length > 1) this.#levels.pop()?.handle?.release()
  }

  close(): void {
    for (const { handle } of this.#levels.splice(0)) handle?.release()
  }

  #makeMissing(path: Buffer, onMade: (path: Buffer) => void): void {
    try {
      this.enter(path)
    } catch (thrown) {
      if (codeOf(thrown) !== 'ENOENT') throw thrown
      makeDirectoryAt(this.enter(parentPath(path) ?? rootPath).fd, nameOf(path), 0o700)
      onMade(path)
    }
  }

  get #bottom(): Level {
    // The root is never left.
    return this.#levels.at(-1) as Level
  }

  #descend(path: Buffer, end: number): void {
    const { end: start } = this.#bottom
    const name = Buffer.from(path.subarray(start === 0 ? 0 : start + 1, end))
    const handle = this.#open(this.#levels.length - 1).openChild(name)
    this.#levels.push({ name, end, handle })
    this.#path = path
    this.#closeFarAbove()
  }

  #open(index: number): DirectoryHandle {
    let from = index
    while (this.#levels[from]?.handle === undefined) from -= 1
    let handle = this.#levels[from]?.handle as DirectoryHandle
    for (const level of this.#levels.slice(from + 1, index + 1)) {
      handle = handle.openChild(level.name)
      level.handle = handle
    }
    return handle
  }

  #closeFarAbove(): void {
    const index = this.#levels.length - 1 - step
    const level = this.#levels[index]
    if (level === undefined || index % step === 0) return
    level.handle?.release()
    level.handle = undefined
  }
}
