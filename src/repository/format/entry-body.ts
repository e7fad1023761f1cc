import { ByteWriter } from './byte-writer.js'

/** Part of a file: a chunk, an extent list (where one is meant), or a hole. */
export interface Extent {
  /** Undefined: a hole. */
  readonly id: Buffer | undefined
  readonly lengthBytes: number
}

/** An extended attribute. POSIX ACLs, capabilities and SELinux labels are some of these. */
export interface Xattr {
  readonly name: Buffer
  readonly value: Buffer
}

/** What an entry says besides its stat. */
export type EntryBody =
  /** A file without bytes. */
  | { readonly form: 'empty' }
  /** A small file: a part of a chunk, as long as the stat says. */
  | { readonly form: 'bundled'; readonly chunk: Buffer; readonly offset: number; readonly sha256: Buffer }
  /** A file of chunks and holes, one after the other. */
  | { readonly form: 'chunks'; readonly averageLog2: number; readonly chunks: readonly Extent[] }
  /** A large file: the ids are those of extent lists, each of a part of at most {@link segmentBytes}. */
  | { readonly form: 'lists'; readonly averageLog2: number; readonly lists: readonly Extent[] }
  | { readonly form: 'symlink'; readonly target: Buffer }
  /** A further name of a file whose first name has come before. */
  | { readonly form: 'hard-link'; readonly first: Buffer }
  | { readonly form: 'device'; readonly major: number; readonly minor: number }
  /** Directories, fifos and sockets. */
  | { readonly form: 'none' }

/** Files are cut into parts of that size, each by itself; larger files have a list for each part. */
export const segmentBytes = 64 * 1024 * 1024

/** The first byte of a file's body. */
export const fileForms = { empty: 0, bundled: 1, chunks: 2, lists: 3 } as const

/** What no entry exceeds. */
export const entryLimits = {
  pathBytes: 4 * 1024 * 1024,
  nameBytes: 255,
  /** What Linux bears. */
  targetBytes: 4095,
  lists: 262_144,
  xattrs: 4096,
  xattrValueBytes: 65_536,
  /** Names and values together. */
  xattrTotalBytes: 1024 * 1024,
} as const

const hole = Buffer.alloc(32)

/** Body and xattrs as they are in a shard, behind the stat. The xattrs must be sorted by name. */
export function writeTail(into: ByteWriter, body: EntryBody, xattrs: readonly Xattr[] = []): void {
  writeBody(into, body)
  into.varint(xattrs.length)
  for (const { name, value } of xattrs) {
    into.putCounted(name)
    into.putCounted(value)
  }
}

function writeBody(into: ByteWriter, body: EntryBody): void {
  switch (body.form) {
    case 'empty':
      return into.byte(fileForms.empty)
    case 'bundled':
      into.byte(fileForms.bundled)
      into.put(body.chunk)
      into.varint(body.offset)
      return into.put(body.sha256)
    case 'chunks':
      writeCutFile(into, body)
      return writeExtents(into, body.chunks)
    case 'lists':
      writeCutFile(into, body)
      return writeExtents(into, body.lists)
    case 'symlink':
      return into.putCounted(body.target)
    case 'hard-link':
      return into.putCounted(body.first)
    case 'device':
      into.uint32(body.major)
      return into.uint32(body.minor)
    case 'none':
      return
  }
}

/** The raw bytes of an extent list. */
export function encodeExtents(extents: readonly Extent[]): Buffer {
  const into = new ByteWriter(8 + extents.length * 40)
  writeExtents(into, extents)
  return into.written
}

function writeExtents(into: ByteWriter, extents: readonly Extent[]): void {
  into.varint(extents.length)
  for (const { id = hole, lengthBytes } of extents) {
    into.put(id)
    into.varint(lengthBytes)
  }
}

function writeCutFile(
  into: ByteWriter,
  { form, averageLog2 }: { form: 'chunks' | 'lists'; averageLog2: number },
): void {
  into.byte(fileForms[form])
  into.byte(averageLog2)
}
