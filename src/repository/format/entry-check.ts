import { averageLog2Limits } from './chunker.js'
import { chunkIdBytes } from './chunk-id.js'
import { damaged } from './damage.js'
import { entryLimits, fileForms, segmentBytes } from './entry-body.js'
import { checkPath } from './manifest-path.js'
import { maximumBlobBytes } from './pack-format.js'
import { statBytes } from './stat-block.js'
import type { ByteCursor } from './byte-cursor.js'

/** The type of an entry, as one letter: file, directory, symbolic link, hard link, character and block device, fifo (pipe), socket. */
export type EntryType = 'f' | 'd' | 'l' | 'h' | 'c' | 'b' | 'p' | 's'

const fileTypeMask = 0o170_000
const directoryMode = 0o040_000

/** S_IFMT of the mode of an entry; hard links have that of what they lead to. */
const modeOfType: Readonly<Record<EntryType, number | undefined>> = {
  f: 0o100_000,
  d: directoryMode,
  l: 0o120_000,
  h: undefined,
  c: 0o020_000,
  b: 0o060_000,
  p: 0o010_000,
  s: 0o140_000,
}

const typeOfByte = Array.from({ length: 256 }, (_, byte) => {
  const letter = String.fromCharCode(byte)
  return isEntryType(letter) ? letter : undefined
})

function isEntryType(letter: string): letter is EntryType {
  return Object.hasOwn(modeOfType, letter)
}

export function findEntryType(byte: number | undefined): EntryType | undefined {
  return typeOfByte[byte ?? 0]
}

const billion = 1_000_000_000
const two32 = 2 ** 32

/**
 * Moves over type, stat, body and xattrs of an entry, and makes nothing of them: most entries are only compared, or copied. Throws
 * ConvoyError `damaged` at whatever we would not have written, so that what passes can be read without another look.
 */
export function checkEntry(cursor: ByteCursor, path: Buffer): EntryType {
  const type = findEntryType(cursor.byte())
  if (type === undefined) throw damaged('an entry has a type that does not exist')
  const at = cursor.skip(statBytes)
  const size = checkStat(cursor.bytes, at, type)
  checkBody(cursor, { type, size, path })
  checkXattrs(cursor)
  return type
}

/** Says how long the file is. */
function checkStat(bytes: Buffer, at: number, type: EntryType): number {
  const fileType = bytes.readUInt32LE(at) & fileTypeMask
  const isRight = type === 'h' ? fileType !== directoryMode : fileType === modeOfType[type]
  const size = bytes.readUInt32LE(at + 20) + bytes.readUInt32LE(at + 24) * two32
  const hasTimes = bytes.readUInt32LE(at + 36) < billion && bytes.readUInt32LE(at + 48) < billion
  if (!isRight || !hasTimes || size > Number.MAX_SAFE_INTEGER) throw damaged('an entry has a stat that cannot be')
  return size
}

interface CheckedEntry {
  readonly type: EntryType
  readonly size: number
  readonly path: Buffer
}

function checkBody(cursor: ByteCursor, entry: CheckedEntry): void {
  switch (entry.type) {
    case 'f':
      return checkFile(cursor, entry.size)
    case 'l':
      return checkTarget(cursor)
    case 'h': {
      const first = cursor.take(cursor.length(entryLimits.pathBytes))
      checkPath(first)
      if (first.compare(entry.path) >= 0) throw damaged('a hard link leads to a name that has not come before it')
      return
    }
    case 'c':
    case 'b':
      cursor.skip(8)
      return
    case 'd':
    case 'p':
    case 's':
      return
  }
}

function checkFile(cursor: ByteCursor, size: number): void {
  switch (cursor.byte()) {
    case fileForms.empty:
      if (size !== 0) throw damaged('a file has lost its content')
      return
    case fileForms.bundled: {
      cursor.skip(chunkIdBytes)
      const offset = cursor.varint()
      cursor.skip(chunkIdBytes)
      if (size === 0 || offset + size > maximumBlobBytes) throw damaged('a file lies beyond the end of its chunk')
      return
    }
    case fileForms.chunks:
      checkAverage(cursor.byte())
      return checkExtents(cursor, { totalBytes: size, extentBytes: maximumBlobBytes })
    case fileForms.lists:
      checkAverage(cursor.byte())
      return checkExtents(cursor, { totalBytes: size, extentBytes: segmentBytes })
    default:
      throw damaged('a file has a form that does not exist')
  }
}

function checkAverage(averageLog2: number): void {
  if (averageLog2 < averageLog2Limits.least || averageLog2 > averageLog2Limits.most)
    throw damaged('a file was cut in a way that does not exist')
}

/** Moves over extents that make up so many bytes, and none of which but a hole is longer than that. */
export function checkExtents(
  cursor: ByteCursor,
  size: { readonly totalBytes: number; readonly extentBytes: number },
): void {
  const count = cursor.length(Math.min(entryLimits.lists, Math.floor(cursor.left / (chunkIdBytes + 1))))
  let left = size.totalBytes
  for (let index = 0; index < count; index++) {
    const at = cursor.skip(chunkIdBytes)
    const lengthBytes = cursor.varint()
    if (lengthBytes === 0 || lengthBytes > left) throw damaged('the parts of a file are not as long as the file')
    if (lengthBytes > size.extentBytes && !isHoleAt(cursor.bytes, at)) throw damaged('a part of a file is too long')
    left -= lengthBytes
  }
  if (left !== 0 || count === 0) throw damaged('the parts of a file are not as long as the file')
}

/** Whether an id is all zero. */
export function isHoleAt(bytes: Buffer, at: number): boolean {
  for (let offset = 0; offset < chunkIdBytes; offset++) if (bytes[at + offset] !== 0) return false
  return true
}

function checkTarget(cursor: ByteCursor): void {
  const target = cursor.take(cursor.length(entryLimits.targetBytes))
  if (target.length === 0 || target.includes(0)) throw damaged('a symbolic link leads nowhere')
}

function checkXattrs(cursor: ByteCursor): void {
  const count = cursor.length(entryLimits.xattrs)
  if (count === 0) return
  let total = 0
  let last: Buffer = Buffer.alloc(0)
  for (let index = 0; index < count; index++) {
    const name = cursor.take(cursor.length(entryLimits.nameBytes))
    if (name.compare(last) <= 0 || name.includes(0)) throw damaged('an extended attribute has no proper name')
    const valueBytes = cursor.length(entryLimits.xattrValueBytes)
    cursor.skip(valueBytes)
    total += name.length + valueBytes
    last = name
  }
  if (total > entryLimits.xattrTotalBytes) throw damaged('an entry has too many extended attributes')
}
