import { isRefusalOfSystem } from '../errors.js'
import type { FileOperation, FileResult } from './file-operations.js'
import { FileProcess, type FileProcessOptions, type FileRunner } from './file-process.js'

/**
 * File operations on many storages in one child process, which has a thread for each. A storage that does not answer gets a child
 * of its own until it does again, and the others go on in a new common one.
 */
export class SharedFileProcess {
  readonly #options: Pick<FileProcessOptions, 'timeoutMs'>
  readonly #common: FileProcess
  readonly #open = new Set<string>()
  /** Storages that hang. */
  readonly #own = new Map<string, FileProcess>()

  constructor(options: Pick<FileProcessOptions, 'timeoutMs'> = {}) {
    this.#options = options
    this.#common = new FileProcess({ ...options, onStuck: (storage) => this.#isolate(storage ?? '') })
  }

  /** For one storage, by any name that tells it from others. */
  of(storage: string): FileRunner {
    this.#open.add(storage)
    return { run: (operations) => this.#run(storage, operations), close: () => this.#close(storage) }
  }

  #close(storage: string): void {
    this.#own.get(storage)?.close()
    this.#open.delete(storage)
    if (this.#open.size === 0) this.#common.close()
  }

  async #run(storage: string, operations: readonly FileOperation[]): Promise<readonly FileResult[]> {
    const own = this.#own.get(storage)
    if (own === undefined) return this.#common.run(operations, storage)
    try {
      const results = await own.run(operations)
      this.#rejoin(storage, own)
      return results
    } catch (thrown) {
      if (isRefusalOfSystem(thrown)) this.#rejoin(storage, own)
      throw thrown
    }
  }

  /** It answers again. */
  #rejoin(storage: string, own: FileProcess): void {
    if (this.#own.get(storage) === own) this.#own.delete(storage)
    own.end()
  }

  #isolate(storage: string): void {
    if (!this.#own.has(storage)) this.#own.set(storage, new FileProcess(this.#options))
  }
}
