import { ConvoyError } from '../../errors.js'
import type { FileOperation, FileResult } from '../../host/file-operations.js'
import { findCovering, isNfs, readMountTable } from '../../host/mount-table.js'
import type { Attributes } from '../../model/volume.js'

export interface ShareOwnershipDeps {
  readonly run: (operation: FileOperation) => Promise<readonly (FileResult | undefined)[]>
  /** Makes and removes a directory there. */
  readonly probe: () => string
  /** Whether a server decides what root may do. */
  readonly isRemote: () => Promise<boolean>
}

/** Whether root of this host may give directories of a place away, which servers of NFS refuse by default (root_squash). */
export class ShareOwnership {
  readonly #deps: ShareOwnershipDeps
  /** `uid:gid` of what root makes there and cannot give away; null when it can. Only that lasts: exports get mended. */
  #squashedTo: string | null | undefined

  constructor(deps: ShareOwnershipDeps) {
    this.#deps = deps
  }

  /** Finds out by trying, unless root was allowed to before. */
  async look(): Promise<void> {
    if (this.#squashedTo === null) return
    if (!(await this.#deps.isRemote())) {
      this.#squashedTo = null
      return
    }
    const [owner] = await this.#deps.run({ op: 'try-owner', path: this.#deps.probe() })
    this.#squashedTo = typeof owner === 'string' ? owner : null
  }

  /** {@link look}, where nobody has looked yet. */
  async lookOnce(): Promise<void> {
    if (this.#squashedTo === undefined) await this.look()
  }

  /** Why no new directory there can get an owner; absent while it is not known, too. */
  get refusal(): ConvoyError | undefined {
    if (typeof this.#squashedTo !== 'string') return undefined
    const message = 'uid and gid cannot be set: the server does not let root of this host give files away (root_squash)'
    return new ConvoyError('unsupported', message, {
      hint: `export with no_root_squash; or leave out uid and gid: the volume then belongs to ${this.#squashedTo}`,
    })
  }

  /** What users of the volumes there must know. */
  get remarks(): Attributes {
    if (typeof this.#squashedTo !== 'string') return {}
    return {
      Ownership: `root is squashed by the server: a new volume belongs to ${this.#squashedTo}, and uid and gid cannot be set`,
      CopyUp:
        'Docker cannot copy what an image has into an empty volume here (chown: operation not permitted): ' +
        'mount it with nocopy, -v NAME:/path:nocopy',
    }
  }
}

/** Whether the path is on a mount of NFS, whoever has mounted it. */
export async function isOnNfs(path: string): Promise<boolean> {
  const mount = findCovering(await readMountTable(), path)
  return mount !== undefined && isNfs(mount)
}
