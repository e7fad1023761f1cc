import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, unlinkSync, writeSync } from 'node:fs'

const sizeBytes = 8 * 1024 * 1024

/** Space set aside beside the database: given back when the disk is full, so that unmounting and deleting still commit. */
export class Ballast {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** Sets the space aside unless it is; a disk without room is left as it is. */
  restore(): void {
    if (statSync(this.#path, { throwIfNoEntry: false })?.size === sizeBytes) return
    const partial = `${this.#path}.partial`
    try {
      const fd = openSync(partial, 'w', 0o600)
      try {
        const block = Buffer.alloc(1024 * 1024)
        for (let written = 0; written < sizeBytes;) written += writeSync(fd, block)
        fsyncSync(fd)
      } finally {
        closeSync(fd)
      }
      renameSync(partial, this.#path)
    } catch {
      rmSync(partial, { force: true })
    }
  }

  /** Gives the space back; false when there is none to give. */
  release(): boolean {
    try {
      unlinkSync(this.#path)
      return true
    } catch {
      return false
    }
  }
}
