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
  readonly #written = new Set<string>()

  constructor(directory: string) {
    this.#files = new ObjectFiles(directory)
  }

  /** Durable when it resolves; nothing without a share. */
  async add({ share, mountoptions }: Attributes): Promise<void> {
    if (share === undefined) return
    const { id } = parseNfsShare(share, mountoptions)
    if (this.#written.has(id)) return
    await this.#files.put(id, { share, ...optional('mountoptions', mountoptions) })
    this.#written.add(id)
  }

  /** What {@link add} was given, as it is in the files: whoever uses it parses it. */
  list(): readonly Attributes[] {
    return this.#files.list().flatMap(({ share, mountoptions }) => {
      if (typeof share !== 'string') return []
      return [{ share, ...(typeof mountoptions === 'string' ? { mountoptions } : {}) }]
    })
  }
}
