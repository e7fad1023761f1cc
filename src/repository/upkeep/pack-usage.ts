import type { RecordSet } from '../record-set.js'
import type { RepositoryIndex } from '../repository-index.js'

/** How much of each pack of an index is wanted. A chunk that lies in two packs is wanted in one. */
export interface PackUsage {
  /** With tags, as it lies in the pack; by the number of the pack. */
  readonly storedBytes: Float64Array
  readonly rawBytes: Float64Array
}

export function measureUsage({ table, packs }: RepositoryIndex, wanted: RecordSet): PackUsage {
  const usage = { storedBytes: new Float64Array(packs.length), rawBytes: new Float64Array(packs.length) }
  for (const record of wanted) {
    const location = table.findAt(record)
    if (location === undefined) continue
    addAt(usage.storedBytes, location.pack, location.storedBytes)
    addAt(usage.rawBytes, location.pack, location.rawBytes)
  }
  return usage
}

function addAt(numbers: Float64Array, at: number, more: number): void {
  numbers[at] = (numbers[at] ?? 0) + more
}
