import { createHash } from 'node:crypto'
import { isConvoyError } from '../../errors.js'
import { decodeEntries, type PackEntry, packHeaderBytes, parsePackHeader } from '../format/pack-format.js'
import type { PackKind } from '../format/pack-kind.js'
import type { PackOpener } from '../format/pack-reader.js'
import type { RepositoryKey } from '../format/repository-key.js'

/** A pack as it was read, and what is known of it from the index. */
export interface PackCheckJob {
  readonly id: Uint8Array
  readonly kind: PackKind
  readonly salt: Uint8Array
  readonly bytes: Uint8Array
  /** What the index says lies in it, in the order of the offsets. */
  readonly indexed: readonly PackEntry[]
}

export interface PackCheck {
  /** What is wrong with the pack as a whole. */
  readonly faults: readonly string[]
  /** Ids of blobs that do not open, of those that are indexed. */
  readonly badIds: readonly Uint8Array[]
}

export interface PackCheckDeps {
  readonly key: RepositoryKey
  readonly opener: PackOpener
}

/** Looks at every byte of a pack: its name, its ends, its footer against the index, and each blob. */
export function checkPack(job: PackCheckJob, deps: PackCheckDeps): PackCheck {
  const bytes = Buffer.from(job.bytes.buffer, job.bytes.byteOffset, job.bytes.byteLength)
  const faults: string[] = []
  if (createHash('sha256').update(bytes).digest().compare(job.id) !== 0)
    faults.push('its content is not what its name says')
  const note = (act: () => void) => faults.push(...faultOf(act))
  note(() => checkHeader(job, bytes, deps.key))
  note(() => checkFooter(job, bytes, deps.opener))
  const badIds = job.indexed.filter(
    (entry) => faultOf(() => openBlob(job, bytes, { entry, opener: deps.opener })).length > 0,
  )
  return { faults, badIds: badIds.map(({ id }) => Uint8Array.from(id)) }
}

function checkHeader({ kind, salt }: PackCheckJob, bytes: Buffer, key: RepositoryKey): void {
  const header = parsePackHeader(bytes.subarray(0, packHeaderBytes), key.repositoryIdBytes)
  if (header.kind !== kind || header.salt.compare(salt) !== 0)
    throw new Fault('its header is not the one that is indexed')
}

function checkFooter({ kind, salt, indexed }: PackCheckJob, bytes: Buffer, opener: PackOpener): void {
  const footer = opener.readFooter({ kind, salt: Buffer.from(salt) }, bytes.length, bytes)
  if (!Buffer.isBuffer(footer)) throw new Fault('its footer is cut off')
  const listed = new Map(decodeEntries(footer, { kind, packBytes: bytes.length }).map((entry) => [entry.offset, entry]))
  if (!indexed.every((entry) => isSame(entry, listed.get(entry.offset))))
    throw new Fault('its footer is not what the index says')
}

function isSame(entry: PackEntry, other: PackEntry | undefined): boolean {
  return (
    other?.id.compare(entry.id) === 0 &&
    other.storedBytes === entry.storedBytes &&
    other.rawBytes === entry.rawBytes &&
    other.codec === entry.codec &&
    other.type === entry.type
  )
}

function openBlob(
  { kind, salt }: PackCheckJob,
  bytes: Buffer,
  { entry, opener }: { readonly entry: PackEntry; readonly opener: PackOpener },
): void {
  const id = Buffer.from(entry.id)
  const stored = bytes.subarray(entry.offset, entry.offset + entry.storedBytes)
  opener.openBlob({ kind, salt: Buffer.from(salt) }, { ...entry, id }, stored)
}

class Fault extends Error {}

function faultOf(act: () => void): readonly string[] {
  try {
    act()
    return []
  } catch (thrown) {
    if (thrown instanceof Fault || isConvoyError(thrown, 'damaged') || isConvoyError(thrown, 'unsupported'))
      return [thrown.message]
    throw thrown
  }
}
