import type { ManifestEntry } from '../format/manifest-entry.js'

/** Where an entry comes whose file is still being read. */
export interface EntryPlace {
  fill(entry: ManifestEntry): void
  /** There will be none. */
  drop(): void
}

const mostEntries = 16 * 1024
const mostPathBytes = 16 * 1024 * 1024

/** Keeps the entries of a manifest in order while files are read in any order. */
export class EntryQueue {
  readonly #write: (entry: ManifestEntry) => Promise<void> | undefined
  #slots: Slot[] = []
  #head = 0
  #pathBytes = 0
  #onChange: (() => void) | undefined

  constructor(write: (entry: ManifestEntry) => Promise<void> | undefined) {
    this.#write = write
  }

  /** So much waits for its turn that nothing more should be added: see `drainUntilRoom`. */
  get isFull(): boolean {
    return this.#slots.length - this.#head >= mostEntries || this.#pathBytes >= mostPathBytes
  }

  add(entry: ManifestEntry): void {
    this.#push(new Slot(entry.path.length, () => undefined)).fill(entry)
  }

  /** For an entry whose path is that long. */
  reserve(pathBytes: number): EntryPlace {
    return this.#push(new Slot(pathBytes, () => this.#onChange?.()))
  }

  /** Writes all entries up to the first that is not known yet. */
  async drain(): Promise<void> {
    for (let slot = this.#slots[this.#head]; slot?.isSettled === true; slot = this.#slots[this.#head]) {
      this.#head += 1
      this.#pathBytes -= slot.pathBytes
      const wait = slot.entry === undefined ? undefined : this.#write(slot.entry)
      if (wait !== undefined) await wait
    }
    this.#slots = this.#slots.slice(this.#head)
    this.#head = 0
  }

  async drainUntilRoom(): Promise<void> {
    await this.drain()
    while (this.isFull) {
      await new Promise<void>((resolve) => (this.#onChange = resolve))
      await this.drain()
    }
  }

  #push(slot: Slot): Slot {
    this.#slots.push(slot)
    this.#pathBytes += slot.pathBytes
    return slot
  }
}

class Slot implements EntryPlace {
  readonly pathBytes: number
  entry: ManifestEntry | undefined
  isSettled = false
  readonly #onSettled: () => void

  constructor(pathBytes: number, onSettled: () => void) {
    this.pathBytes = pathBytes
    this.#onSettled = onSettled
  }

  fill(entry: ManifestEntry): void {
    this.entry = entry
    this.drop()
  }

  drop(): void {
    this.isSettled = true
    this.#onSettled()
  }
}
