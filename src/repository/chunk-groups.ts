import type { ChunkTable } from './chunk-table.js'

/** Which of some chunks lie in which pack, in four bytes for each chunk. */
export class ChunkGroups {
  readonly #records: Uint32Array
  /** Where each pack's records begin, and where the last one's end. */
  readonly #starts: Uint32Array

  /** Of the records that say where they lie; `packCount` as in the index that the table belongs to. */
  constructor(table: ChunkTable, records: Iterable<number> & { readonly size: number }, packCount: number) {
    const packOf = (record: number) => table.findAt(record)?.pack ?? packCount
    this.#starts = new Uint32Array(packCount + 2)
    for (const record of records) addAt(this.#starts, packOf(record) + 1, 1)
    for (let pack = 0; pack <= packCount; pack++) addAt(this.#starts, pack + 1, this.#starts[pack] ?? 0)
    const next = this.#starts.slice()
    this.#records = new Uint32Array(records.size)
    for (const record of records) this.#records[addAt(next, packOf(record), 1)] = record
  }

  /** A view. */
  of(pack: number): Uint32Array {
    return this.#records.subarray(this.#starts[pack], this.#starts[pack + 1])
  }
}

/** What was there before. */
function addAt(numbers: Uint32Array, at: number, more: number): number {
  const before = numbers[at] ?? 0
  numbers[at] = before + more
  return before
}
