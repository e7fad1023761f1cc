import { rmdirSync } from 'node:fs'
import { ConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'
import { Descent, type Level } from './descent.js'
import { EventLoopTurn } from './event-loop-turn.js'
import { OpenDirectory } from './open-directory.js'
import { errorCode, RemovalFailures } from './removal-failures.js'

export interface RemoveTreeOptions {
  /** Looked at between entries. What is removed until then is gone; the same call goes on with the rest. */
  readonly signal?: AbortSignal
  /** Called after every 1000 entries. */
  readonly onProgress?: (entriesRemoved: number) => void
}

export interface RemovedTree {
  /** Files, links and directories, the top one included. */
  readonly entriesRemoved: number
  /**
   * A file on NFS that a process of this host still has open, in what is left of the tree because of such files alone: it goes
   * once it is closed.
   */
  readonly heldOpen?: string
}

/**
 * Destroys a directory and all that is in it, on this mount only, while its owner may be an attacker who exchanges directories
 * for links. It calls the file system synchronously: for processes that may hang. A tree that is gone already is no error.
 * What cannot be removed stays, and is reported once all else is gone: as `in-use` when something is mounted there or keeps
 * changing it, else as `unavailable`.
 */
export async function removeTree(path: string, options: RemoveTreeOptions = {}): Promise<RemovedTree> {
  const root = openRoot(path)
  if (root === undefined) return { entriesRemoved: 0 }
  const removal = new TreeRemoval(path, root, options)
  try {
    await removal.run()
  } finally {
    removal.close()
  }
  return { entriesRemoved: removal.entriesRemoved, ...optional('heldOpen', removal.heldOpen) }
}

/** A thousand levels of a thousand directories each would not fit into memory, so deep levels remember few. */
const pendingLimit = (depth: number) => (depth < 64 ? 1000 : 16)
const failedLimit = 100_000
/** How often others may change what we are removing. */
const changeLimit = 1000
const turnMs = 10

class TreeRemoval {
  entriesRemoved = 0
  readonly #path: string
  readonly #mountId: string
  readonly #options: RemoveTreeOptions
  readonly #failures: RemovalFailures
  readonly #turn = new EventLoopTurn(turnMs)
  readonly #descent: Descent
  #changes = 0

  constructor(path: string, root: OpenDirectory, options: RemoveTreeOptions) {
    this.#path = path
    this.#mountId = root.readMountId()
    this.#options = options
    this.#failures = new RemovalFailures(path)
    this.#descent = new Descent(root)
  }

  async run(): Promise<void> {
    this.#checkSignal()
    for (let isDone = false; !isDone;) {
      if (this.#turn.isOver) await this.#nextTurn()
      const level = this.#descent.bottom
      const name = level.pending.pop()
      if (name !== undefined) this.#enter(level, name)
      else if (level.isUnread) await this.#read(level)
      else if (this.#descent.depth > 0) this.#leave(level)
      else isDone = this.#removeRoot(level)
    }
    if (this.heldOpen === undefined) this.#failures.throwIfAny()
  }

  get heldOpen(): string | undefined {
    return this.#failures.heldOpen
  }

  close(): void {
    this.#descent.close()
  }

  /** Removes the files of a directory and lists its directories. */
  async #read(level: Level): Promise<void> {
    level.isUnread = false
    try {
      for (const entry of level.directory?.entries() ?? []) {
        if (this.#turn.isOver) await this.#nextTurn()
        if (level.failed.has(keyOf(entry.name))) continue
        if (entry.isDirectory || !this.#removeFile(level, entry.name)) level.pending.push(entry.name)
        if (level.pending.length < pendingLimit(this.#descent.depth)) continue
        level.isUnread = level.failed.size < failedLimit
        return
      }
    } catch (thrown) {
      if (thrown instanceof ConvoyError) throw thrown
      level.isStuck = true
      this.#failures.add(() => this.#descent.names, thrown)
    }
  }

  /** False for a directory. */
  #removeFile(level: Level, name: Buffer): boolean {
    try {
      level.directory?.removeFile(name)
      this.#countRemoved()
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === 'EISDIR') return false
      if (code !== 'ENOENT') this.#fail(level, name, thrown)
    }
    return true
  }

  #enter(level: Level, name: Buffer): void {
    let child: OpenDirectory | undefined
    try {
      child = level.directory?.openChild(name)
    } catch (thrown) {
      this.#cannotEnter(level, name, thrown)
    }
    if (child === undefined) return
    if (child.readMountId() === this.#mountId) {
      this.#descent.enter(name, child)
    } else {
      child.close()
      this.#fail(level, name, mountedError)
    }
  }

  #cannotEnter(level: Level, name: Buffer, thrown: unknown): void {
    const code = errorCode(thrown)
    if (code === 'ENOENT') return
    if (code !== 'ENOTDIR' && code !== 'ELOOP') this.#fail(level, name, thrown)
    // It was a directory a moment ago.
    else if (!this.#removeFile(level, name)) this.#tryAgain(level, name)
  }

  #leave(level: Level): void {
    if (!this.#descent.leave()) {
      this.#noteChange()
      return
    }
    const above = this.#descent.bottom
    try {
      above.directory?.removeDirectory(level.name)
      this.#countRemoved()
    } catch (thrown) {
      this.#keepDirectory(above, level, thrown)
    }
  }

  #keepDirectory(above: Level, level: Level, thrown: unknown): void {
    const code = errorCode(thrown)
    if (code === 'ENOENT') return
    // What makes it stay is reported already.
    if (level.isStuck) markStuck(above, level.name)
    else if (changedCodes.has(code)) this.#tryAgain(above, level.name)
    else this.#fail(above, level.name, thrown)
  }

  /** Whether there is nothing left to do. */
  #removeRoot(level: Level): boolean {
    try {
      rmdirSync(this.#path)
      this.#countRemoved()
    } catch (thrown) {
      const code = errorCode(thrown)
      if (code === 'ENOENT' || this.#failures.any) return true
      if (changedCodes.has(code)) this.#noteChange()
      else this.#failures.add(() => [], thrown)
      level.isUnread = changedCodes.has(code)
      return !level.isUnread
    }
    return true
  }

  #fail(level: Level, name: Buffer, thrown: unknown): void {
    markStuck(level, name)
    this.#failures.add(() => [...this.#descent.names, name], thrown)
  }

  #tryAgain(level: Level, name: Buffer): void {
    this.#noteChange()
    level.pending.push(name)
  }

  /** Somebody works on the tree at the same time, and may do so for ever. */
  #noteChange(): void {
    this.#changes += 1
    if (this.#changes < changeLimit) return
    this.#failures.add(() => this.#descent.names, changingError)
    this.#failures.throwIfAny()
  }

  #countRemoved(): void {
    this.entriesRemoved += 1
    if (this.entriesRemoved % 1000 === 0) this.#options.onProgress?.(this.entriesRemoved)
  }

  async #nextTurn(): Promise<void> {
    await this.#turn.next()
    this.#checkSignal()
  }

  #checkSignal(): void {
    const { signal } = this.#options
    if (signal?.aborted !== true) return
    throw new ConvoyError('deadline-exceeded', `the removal of "${this.#path}" was stopped`, { cause: signal.reason })
  }
}

const mountedError = Object.assign(new Error('something is mounted there'), { code: 'EBUSY' })
const changingError = Object.assign(new Error('something keeps changing it'), { code: 'EBUSY' })
/** What rmdir(2) says when the directory is no longer what it was when we left it. */
const changedCodes: ReadonlySet<string | undefined> = new Set(['ENOTEMPTY', 'EEXIST', 'ENOTDIR', 'ELOOP'])

function markStuck(level: Level, name: Buffer): void {
  level.isStuck = true
  level.failed.add(keyOf(name))
}

function openRoot(path: string): OpenDirectory | undefined {
  try {
    return new OpenDirectory(path)
  } catch (thrown) {
    const code = errorCode(thrown)
    if (code === 'ENOENT') return undefined
    const reason = code === 'ENOTDIR' || code === 'ELOOP' ? 'it is not a directory' : String(code)
    throw new ConvoyError('unavailable', `cannot remove "${path}": ${reason}`, { cause: thrown })
  }
}

/** Latin-1 gives each byte a character, so that different names have different keys. */
const keyOf = (name: Buffer) => name.toString('latin1')
