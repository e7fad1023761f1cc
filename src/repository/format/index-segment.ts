import { chunkIdBytes } from './chunk-id.js'
import { damaged } from './damage.js'
import { decodeEntries, type PackEntry, packEntryBytes } from './pack-format.js'
import { findPackKind, type PackKind, packKindCodes } from './pack-kind.js'
import { saltBytes } from './repository-key.js'
import { maximumPayloadBytes } from './sealed-object.js'

/** A pack as an index segment lists it. */
export interface IndexedPack {
  readonly id: Buffer
  readonly kind: PackKind
  readonly packBytes: number
  readonly salt: Buffer
  /** As in the footer: `decodeEntries` makes objects of it. */
  readonly entries: Buffer
}

/** id 32 | kind 1 | zero 3 | packBytes 4 | salt 32 | count 4 */
const headBytes = 76

export function encodeIndexSegment(packs: readonly IndexedPack[]): Buffer {
  const parts = packs.flatMap(({ id, kind, packBytes, salt, entries }) => {
    const head = Buffer.alloc(headBytes)
    id.copy(head, 0, 0, chunkIdBytes)
    head.writeUInt8(packKindCodes[kind], 32)
    head.writeUInt32LE(packBytes, 36)
    salt.copy(head, 40, 0, saltBytes)
    head.writeUInt32LE(entries.length / packEntryBytes, 72)
    return [head, entries]
  })
  return Buffer.concat(parts)
}

/** The packs in as many groups as there must be segments: none holds more than an object may. */
export function* segmentsOf<P extends Pick<IndexedPack, 'entries'>>(packs: readonly P[]): Generator<readonly P[]> {
  let group: P[] = []
  let size = 0
  for (const pack of packs) {
    const bytes = headBytes + pack.entries.length
    if (size + bytes > maximumPayloadBytes) {
      yield group
      group = []
      size = 0
    }
    group.push(pack)
    size += bytes
  }
  if (group.length > 0) yield group
}

/** What a segment lists. ConvoyError `damaged` from where it makes no sense. */
export function* decodeIndexSegment(
  payload: Buffer,
): Generator<IndexedPack & { readonly decoded: readonly PackEntry[] }> {
  for (let at = 0; at < payload.length;) {
    if (at + headBytes > payload.length) throw damaged('an index segment was cut off')
    const kind = findPackKind(payload[at + 32])
    const entriesAt = at + headBytes
    const end = entriesAt + payload.readUInt32LE(at + 72) * packEntryBytes
    if (kind === undefined || end > payload.length) throw damaged('an index segment lists a pack that cannot be')
    const packBytes = payload.readUInt32LE(at + 36)
    const entries = payload.subarray(entriesAt, end)
    const decoded = decodeEntries(entries, { kind, packBytes })
    const id = payload.subarray(at, at + chunkIdBytes)
    yield { id, kind, packBytes, salt: payload.subarray(at + 40, at + 40 + saltBytes), entries, decoded }
    at = end
  }
}
