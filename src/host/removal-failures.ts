import { ConvoyError } from '../errors.js'

/** What of a tree could not be removed: remembers how many, and one to show. */
export class RemovalFailures {
  readonly #root: string
  #count = 0
  #inUse = false
  #isHeldOpenOnly = true
  #first: { readonly path: string; readonly thrown: unknown } | undefined

  constructor(root: string) {
    this.#root = root
  }

  get any(): boolean {
    return this.#count > 0
  }

  /** The only hindrance are files that are open: one of them. */
  get heldOpen(): string | undefined {
    return this.#isHeldOpenOnly ? this.#first?.path : undefined
  }

  /** `path` names the components below the root; it is called for the failure to show only. */
  add(path: () => readonly Buffer[], thrown: unknown): void {
    this.#count += 1
    this.#inUse ||= errorCode(thrown) === 'EBUSY'
    this.#isHeldOpenOnly &&= errorCode(thrown) === 'EBUSY' && isRemovedWhileOpen(path().at(-1))
    this.#first ??= { path: shorten(path().join('/')), thrown }
  }

  throwIfAny(): void {
    if (this.#first === undefined) return
    const { path, thrown } = this.#first
    const reason = reasons[errorCode(thrown) ?? ''] ?? (thrown instanceof Error ? thrown.message : String(thrown))
    const others = this.#count === 1 ? '' : ` (and ${this.#count - 1} more)`
    const message = `cannot remove ${JSON.stringify(path)} in "${this.#root}": ${reason}${others}`
    throw new ConvoyError(this.#inUse ? 'in-use' : 'unavailable', message, {
      hint: 'all else is removed; the same removal can be repeated when the cause is gone',
      cause: thrown,
    })
  }
}

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'something is mounted there or keeps changing it',
  EIO: 'input/output error',
  EPERM: 'not permitted, it may be immutable or append-only (see lsattr)',
  EROFS: 'the file system is read-only',
  ESTALE: 'the server no longer knows it',
}

/** What the client of NFS calls a file that was removed while a process of this host has it open. It goes when that closes it. */
function isRemovedWhileOpen(name: Buffer | undefined): boolean {
  return /^\.nfs[0-9a-f]{16,}$/.test(name?.toString('latin1') ?? '')
}

const shorten = (path: string) => (path.length > 300 ? `…${path.slice(-300)}` : path)

/** `ENOENT` and the like, of what a call of node:fs throws. */
export function errorCode(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}
