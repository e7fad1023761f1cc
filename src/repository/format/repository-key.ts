import { hkdfSync } from 'node:crypto'
import { gearSeedBytes } from './chunker.js'
import { type PackKind, packKindCodes } from './pack-kind.js'

/** Bytes of the master key, of every key derived of it, and of every salt. */
export const keyBytes = 32
export const saltBytes = 32

/**
 * The master key of a repository, and the keys derived from it. Pass `master` and `repositoryId` to a thread and make it anew
 * there: every derived key is used for one object, with the salt that lies in it.
 */
export class RepositoryKey {
  readonly master: Buffer
  /** A UUID. */
  readonly repositoryId: string
  readonly repositoryIdBytes: Buffer

  constructor(master: Uint8Array, repositoryId: string) {
    this.master = Buffer.from(master)
    this.repositoryId = repositoryId
    this.repositoryIdBytes = Buffer.from(repositoryId.replaceAll('-', ''), 'hex')
  }

  packKey(kind: PackKind, salt: Uint8Array): Buffer {
    return this.#derive('convoy pack', salt, Buffer.of(packKindCodes[kind]))
  }

  objectKey(salt: Uint8Array): Buffer {
    return this.#derive('convoy object', salt)
  }

  /** For {@link Chunker}: files are cut alike in all of one repository, and differently in each. */
  get gearSeed(): Buffer {
    return Buffer.from(hkdfSync('sha256', this.master, '', 'convoy gear', gearSeedBytes))
  }

  #derive(purpose: string, salt: Uint8Array, ...rest: readonly Uint8Array[]): Buffer {
    const info = Buffer.concat([Buffer.from(purpose), this.repositoryIdBytes, ...rest])
    return Buffer.from(hkdfSync('sha256', this.master, salt, info, keyBytes))
  }
}
