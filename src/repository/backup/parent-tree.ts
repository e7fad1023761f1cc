import { toConvoyError } from '../../errors.js'
import type { Logger } from '../../model/call-context.js'
import type { ManifestEntry } from '../format/manifest-entry.js'

/** The entries of the backup that this one is compared with, in step with the walk. */
export class ParentTree {
  readonly #batches: AsyncIterator<readonly ManifestEntry[]>
  readonly #log: Logger
  #batch: readonly ManifestEntry[] = []
  #at = 0
  #isOver = false

  /** `batches` of its manifest, as ManifestReader gives them. Where they cannot be read the parent ends: everything behind is new. */
  constructor(batches: AsyncIterable<readonly ManifestEntry[]>, log: Logger) {
    this.#batches = batches[Symbol.asyncIterator]()
    this.#log = log
  }

  /** Whether more has to be read before it can be said what is at that path. */
  needsReading(path: Buffer): boolean {
    const last = this.#batch.at(-1)
    return !this.#isOver && (last === undefined || last.path.compare(path) < 0)
  }

  async readUpTo(path: Buffer): Promise<void> {
    while (this.needsReading(path)) await this.#readBatch()
  }

  /** What is at that path; asked with paths that only grow, none of which needs reading. */
  find(path: Buffer): ManifestEntry | undefined {
    for (; this.#at < this.#batch.length; this.#at++) {
      const entry = this.#batch[this.#at]
      const order = entry?.path.compare(path) ?? 0
      if (order === 0) return entry
      if (order > 0) return undefined
    }
    return undefined
  }

  async #readBatch(): Promise<void> {
    try {
      const next = await this.#batches.next()
      this.#batch = next.done === true ? [] : next.value
      this.#isOver = next.done === true
    } catch (thrown) {
      this.#log.warn(
        { error: toConvoyError(thrown).message },
        'the parent backup cannot be read further: what follows is read anew',
      )
      this.#batch = []
      this.#isOver = true
    }
    this.#at = 0
  }
}
