import { packNames } from '../../host/posix.js'
import { chunkIdBytes } from '../format/chunk-id.js'
import type { Xattr } from '../format/entry-body.js'
import type { PackEntry } from '../format/pack-format.js'
import type { PackKind } from '../format/pack-kind.js'
import type { Refusal } from './restore-finish.js'
import type { BlobUse, PlannedBlob, Stretch } from './restore-plan.js'
import { statBytes } from '../format/stat-block.js'
import { nameOf } from '../format/tree-path.js'

/** Small files that lie whole in a blob. In columns, because hundreds of thousands of objects would cost more than their files. */
export interface FileColumns {
  readonly numbers: Uint32Array
  readonly directories: Int32Array
  /** Each with a 0 byte at its end. */
  readonly names: Buffer
  /** In the raw bytes of the blob. */
  readonly offsets: Uint32Array
  /** SHA-256 of each. */
  readonly hashes: Buffer
  readonly stats: Buffer
  /** Of the few files that have some, by their place in the columns. */
  readonly xattrs: ReadonlyMap<number, readonly Xattr[]>
}

/** Where in an open file a blob belongs, all of it. */
export interface JobPart {
  readonly number: number
  readonly fd: number
  readonly position: number
  readonly length: number
}

export interface JobBlob {
  readonly entry: PackEntry
  readonly files: FileColumns | undefined
  readonly parts: readonly JobPart[]
}

/** What a thread gets: the bytes of a stretch and what to do with them. On their way to it Buffers become Uint8Arrays. */
export interface RestoreJob {
  readonly pack: { readonly kind: PackKind; readonly salt: Buffer }
  /** Of the bytes, in the pack. */
  readonly offset: number
  readonly bytes: Buffer
  readonly blobs: readonly JobBlob[]
}

/** What a file could not become; the number is that of the file. */
export interface RestoreFailure extends Refusal {
  readonly number: number
}

type FileUse = Extract<BlobUse, { kind: 'file' }>

/** Nothing in it is a view of more memory than it needs: all of that would go along. */
export function restoreJobOf({ pack, offset, blobs }: Stretch, bytes: Buffer): RestoreJob {
  return { pack: { kind: pack.kind, salt: copyOf(pack.salt) }, offset, bytes, blobs: blobs.map(jobBlobOf) }
}

function jobBlobOf({ entry, uses }: PlannedBlob): JobBlob {
  const files = uses.filter((use) => use.kind === 'file')
  const parts = uses.filter((use) => use.kind === 'part')
  return {
    entry: { ...entry, id: copyOf(entry.id) },
    files: files.length === 0 ? undefined : columnsOf(files),
    parts: parts.map(({ file, position, length }) => ({ number: file.number, fd: file.fd ?? -1, position, length })),
  }
}

function columnsOf(uses: readonly FileUse[]): FileColumns {
  const offsets = new Uint32Array(uses.length)
  const hashes = Buffer.alloc(uses.length * chunkIdBytes)
  const stats = Buffer.alloc(uses.length * statBytes)
  const xattrs = new Map<number, readonly Xattr[]>()
  for (const [index, { file }] of uses.entries()) {
    const { body, stat, xattrs: own } = file.entry
    stat.copy(stats, index * statBytes)
    if (own.length > 0) xattrs.set(index, copiesOf(own))
    if (body.form !== 'bundled') continue
    offsets[index] = body.offset
    body.sha256.copy(hashes, index * chunkIdBytes)
  }
  return {
    numbers: Uint32Array.from(uses, ({ file }) => file.number),
    directories: Int32Array.from(uses, ({ file }) => file.directory.fd),
    names: packNames(uses.map(({ file }) => nameOf(file.entry.path))),
    offsets,
    hashes,
    stats,
    xattrs,
  }
}

const copiesOf = (xattrs: readonly Xattr[]): readonly Xattr[] =>
  xattrs.map(({ name, value }) => ({ name: copyOf(name), value: copyOf(value) }))

/** Buffer.from would take its memory out of a pool. */
function copyOf(bytes: Buffer): Buffer {
  const copy = Buffer.alloc(bytes.length)
  bytes.copy(copy)
  return copy
}

/** What arrived in a thread, as Buffers again. */
export function receivedJob(job: RestoreJob): RestoreJob {
  return {
    pack: { kind: job.pack.kind, salt: asBuffer(job.pack.salt) },
    offset: job.offset,
    bytes: asBuffer(job.bytes),
    blobs: job.blobs.map(receivedBlob),
  }
}

function receivedBlob({ entry, files, parts }: JobBlob): JobBlob {
  return {
    entry: { ...entry, id: asBuffer(entry.id) },
    files: files && {
      ...files,
      names: asBuffer(files.names),
      hashes: asBuffer(files.hashes),
      stats: asBuffer(files.stats),
      xattrs: new Map(Array.from(files.xattrs, ([index, xattrs]) => [index, xattrs.map(receivedXattr)])),
    },
    parts,
  }
}

const receivedXattr = ({ name, value }: Xattr): Xattr => ({ name: asBuffer(name), value: asBuffer(value) })

const asBuffer = ({ buffer, byteOffset, byteLength }: Uint8Array) => Buffer.from(buffer, byteOffset, byteLength)
