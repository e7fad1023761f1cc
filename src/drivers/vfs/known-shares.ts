import { ObjectFiles } from '../../host/object-files.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import { parseNfsShare } from './nfs-share.js'

/**
 * The shares that volumes of this host have named, in the daemon's own directory: a ledger that was lost is rebuilt from what lies
 * on them.
 */
export class KnownShares {
  readonly #files: ObjectFiles
  /** Read at the first need. */
  #shares: readonly Attributes[] | undefined

  constructor(directory: string) {
    this.#files = new ObjectFiles(directory)
  }

  /** Durable when it resolves; nothing without a share. */
  async add({ share, mountoptions }: Attributes): Promise<void> {
    if (share === undefined) return
    const isKnown = this.list().some((one) => one['share'] === share && one['mountoptions'] === mountoptions)
    if (isKnown) return
    const added = { share, ...optional('mountoptions', mountoptions) }
    await this.#files.put(parseNfsShare(share, mountoptions).id, added)
    this.#shares = [...this.list(), added]
  }

  /** No volume is on it any more. */
  remove({ share, mountoptions }: Attributes): void {
    if (share === undefined) return
    this.#files.remove(parseNfsShare(share, mountoptions).id)
    this.#shares = this.list().filter((one) => one['share'] !== share || one['mountoptions'] !== mountoptions)
  }

  /** What {@link add} was given, as it is in the files: whoever uses it parses it. */
  list(): readonly Attributes[] {
    this.#shares ??= this.#files.list().flatMap(({ share, mountoptions }) => {
      if (typeof share !== 'string') return []
      return [{ share, ...(typeof mountoptions === 'string' ? { mountoptions } : {}) }]
    })
    return this.#shares
  }
}
