import type { OpenDirectory } from './open-directory.js'

/** One directory on the way down, and what is left to do in it. */
export interface Level {
  /** In the level above. */
  readonly name: Buffer
  readonly identity: string
  /** Closed far above the bottom: any depth needs few descriptors. */
  directory: OpenDirectory | undefined
  /** Directories that were found here and are next. */
  readonly pending: Buffer[]
  /** What cannot be removed and is not tried again. */
  readonly failed: Set<string>
  /** Something below stays, so the directory itself does too. */
  isStuck: boolean
  /** There may be entries that were not looked at. */
  isUnread: boolean
}

const openLevels = 32

/** The way from a root directory down to the one that is worked on, while others may move what is on it. */
export class Descent {
  readonly #root: OpenDirectory
  readonly #levels: Level[]

  constructor(root: OpenDirectory) {
    this.#root = root
    this.#levels = [levelOf(Buffer.alloc(0), root)]
  }

  get depth(): number {
    return this.#levels.length - 1
  }

  get bottom(): Level {
    // The root is never left.
    return this.#levels.at(-1) as Level
  }

  /** Of the levels below the root, from the top. */
  get names(): readonly Buffer[] {
    return this.#levels.slice(1).map((level) => level.name)
  }

  enter(name: Buffer, directory: OpenDirectory): void {
    this.#levels.push(levelOf(name, directory))
    const distant = this.depth > openLevels ? this.#levels[this.depth - openLevels] : undefined
    distant?.directory?.close()
    if (distant !== undefined) distant.directory = undefined
  }

  /** Goes up one level. False when the way up leads elsewhere by now: then the bottom is the root again, as if just found. */
  leave(): boolean {
    const above = this.#levels.at(-2)
    const left = this.bottom
    if (above === undefined) return false
    above.directory ??= openSame(above, left.directory)
    if (above.directory === undefined) {
      this.#startAgain()
      return false
    }
    left.directory?.close()
    this.#levels.pop()
    return true
  }

  close(): void {
    for (const level of this.#levels.splice(0)) if (level.directory !== this.#root) level.directory?.close()
    this.#root.close()
  }

  #startAgain(): void {
    for (const level of this.#levels.splice(1)) level.directory?.close()
    this.#levels.splice(0, 1, levelOf(Buffer.alloc(0), this.#root))
  }
}

function levelOf(name: Buffer, directory: OpenDirectory): Level {
  const identity = directory.readIdentity()
  return { name, identity, directory, pending: [], failed: new Set(), isStuck: false, isUnread: true }
}

/** `..` is wherever the directory was moved to, so it counts only when it is the directory that we came from. */
function openSame(above: Level, directory: OpenDirectory | undefined): OpenDirectory | undefined {
  let parent: OpenDirectory | undefined
  try {
    parent = directory?.openParent()
    if (parent?.readIdentity() === above.identity) return parent
  } catch {
    // It is not there any more, or not ours to enter.
  }
  parent?.close()
  return undefined
}
