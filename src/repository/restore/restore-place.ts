import { randomBytes } from 'node:crypto'
import { basename, dirname, join, resolve } from 'node:path'
import { codeOf, ConvoyError } from '../../errors.js'
import { DirectoryHandle } from '../../host/directory-handle.js'
import { readNames, statAt, statFd } from '../../host/posix.js'
import { makeDirectoryAt, removeXattr, renameAt, renameDirectoryAt, syncFileSystem } from '../../host/posix-making.js'
import { syncFd } from '../../host/positioned-io.js'
import { removeTree } from '../../host/remove-tree.js'
import { isMountRoot, recordDevice, recordMode } from '../../host/stat-record.js'
import { refusalOf } from './restore-finish.js'
import { refusalText } from './restore-refusals.js'

const workPrefix = '.convoy-restore-'
const fileTypeMask = 0o170_000
const directoryMode = 0o040_000

/**
 * Where a tree is restored: a folder of its own beside the target, which becomes the target once all of it is there. What was
 * interrupted leaves a folder whose name says what it is.
 */
export class RestorePlace {
  readonly target: string
  /** The folder that is worked in, for its owner only. */
  readonly root: DirectoryHandle
  readonly #workPath: string
  readonly #parent: DirectoryHandle
  readonly #hadTarget: boolean

  private constructor(target: string, parent: DirectoryHandle, hadTarget: boolean) {
    const name = `${workPrefix}${randomBytes(8).toString('hex')}`
    this.target = target
    this.#workPath = join(dirname(target), name)
    this.#parent = parent
    this.#hadTarget = hadTarget
    makeDirectoryAt(parent.fd, Buffer.from(name), 0o700)
    this.root = parent.openChild(Buffer.from(name))
    inheritNothing(this.root)
  }

  /**
   * Makes the folder. The target must not exist, or be an empty directory: ConvoyError `already-exists` when it is anything else,
   * `not-found` when there is no directory for it, `unsupported` for a mountpoint, `unavailable` when the system refuses.
   */
  static open(to: string): RestorePlace {
    const target = resolve(to)
    const parent = openParent(target)
    try {
      return new RestorePlace(target, parent, isThere(target, parent))
    } catch (thrown) {
      parent.release()
      throw thrown instanceof ConvoyError ? thrown : cannot(`restore to ${target}`, thrown)
    }
  }

  /** What was restored becomes durable, and then the target. Nothing that came into its place meanwhile is replaced. */
  commit(): void {
    try {
      syncFileSystem(this.root.fd)
      this.#rename()
      syncFd(this.#parent.fd)
    } catch (thrown) {
      throw cannot(`move what was restored to ${this.target}`, thrown)
    }
  }

  /** Removes what was restored so far. When that fails too, the error says so and names what is left. */
  async discard(reason: ConvoyError): Promise<ConvoyError> {
    this.close()
    try {
      await removeTree(this.#workPath)
      return reason
    } catch {
      const left = `what had been restored until then is left in ${this.#workPath}: remove it`
      const hint = reason.hint === undefined ? left : `${reason.hint}; ${left}`
      return new ConvoyError(reason.code, reason.message, { hint, cause: reason.cause })
    }
  }

  close(): void {
    this.root.release()
    this.#parent.release()
  }

  #rename(): void {
    const { fd } = this.#parent
    const names = [Buffer.from(basename(this.#workPath)), Buffer.from(basename(this.target))] as const
    try {
      if (!this.#hadTarget) return renameAt(fd, names[0], fd, names[1])
    } catch (thrown) {
      // Some file systems cannot promise to replace nothing; a directory replaces an empty one at most anywhere.
      if (codeOf(thrown) !== 'ENOTSUP' && codeOf(thrown) !== 'EOPNOTSUPP') throw thrown
    }
    renameDirectoryAt(fd, names[0], fd, names[1])
  }
}

function openParent(target: string): DirectoryHandle {
  const path = dirname(target)
  try {
    return DirectoryHandle.openRoot(path)
  } catch (thrown) {
    const code = codeOf(thrown)
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw cannot(`restore to ${target}`, thrown)
    throw new ConvoyError('not-found', `cannot restore to ${target}: ${path} is no directory`, { cause: thrown })
  }
}

/** Whether the target is there, which only an empty directory may be. */
function isThere(target: string, parent: DirectoryHandle): boolean {
  const name = Buffer.from(basename(target))
  if (name.length === 0) throw taken(target)
  let record: Buffer
  try {
    record = statAt(parent.fd, name)
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return false
    throw thrown
  }
  if ((recordMode(record) & fileTypeMask) !== directoryMode || !isEmpty(parent, name)) throw taken(target)
  if (isMountRoot(record) || recordDevice(record) !== recordDevice(statFd(parent.fd)))
    throw new ConvoyError('unsupported', `cannot restore to ${target}: something is mounted there`, {
      hint: `restore to a directory in it, such as ${join(target, 'restored')}`,
    })
  return true
}

function isEmpty(parent: DirectoryHandle, name: Buffer): boolean {
  const directory = parent.openChild(name)
  try {
    return readNames(directory.fd).length === 0
  } finally {
    directory.release()
  }
}

/** The folder around may give what is made in it an ACL, and what was restored would have it too. */
function inheritNothing({ fd }: DirectoryHandle): void {
  for (const attribute of ['system.posix_acl_default', 'system.posix_acl_access']) {
    try {
      removeXattr(fd, Buffer.from(attribute))
    } catch (thrown) {
      if (!['ENODATA', 'ENOTSUP', 'EOPNOTSUPP'].includes(codeOf(thrown))) throw thrown
    }
  }
}

function taken(target: string): ConvoyError {
  return new ConvoyError('already-exists', `cannot restore to ${target}: it is there already, and no empty directory`, {
    hint: 'name a directory that does not exist yet',
  })
}

function cannot(what: string, thrown: unknown): ConvoyError {
  const { text, ...hint } = refusalText(refusalOf(thrown))
  return new ConvoyError('unavailable', `cannot ${what}: ${text}`, { ...hint, cause: thrown })
}
