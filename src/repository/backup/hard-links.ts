import { recordIno, recordLinkCount } from '../../host/stat-record.js'

/** The names of files that have several, all in one file system. It forgets a file with its last name. */
export class HardLinks {
  readonly #files = new Map<bigint, { readonly first: Buffer; left: number }>()

  /** The name under which the file has been before; undefined for its first. `record` is of no directory. */
  firstNameOf(record: Buffer, path: Buffer): Buffer | undefined {
    const links = recordLinkCount(record)
    if (links < 2) return undefined
    const ino = recordIno(record)
    const known = this.#files.get(ino)
    if (known === undefined) {
      this.#files.set(ino, { first: Buffer.from(path), left: links - 1 })
      return undefined
    }
    if (--known.left === 0) this.#files.delete(ino)
    return known.first
  }
}
