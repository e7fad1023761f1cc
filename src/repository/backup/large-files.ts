import { constants } from 'node:os'
import { posixError } from '../../host/posix-errors.js'
import { closeFd, getXattrs, nextData, openFileAt, statFd } from '../../host/posix.js'
import { recordBlocks512, recordIno, recordMode, recordSizeBytes, statBlockBytes } from '../../host/stat-record.js'
import type { TaskRunner } from './backup-workers.js'
import { type EntryBody, type Extent, segmentBytes } from '../format/entry-body.js'
import { totalBytesOf, unpackExtents } from './extents.js'
import type { FileToRead } from './file-to-read.js'
import { findFileType } from '../format/file-types.js'
import { KnownSegments, type ReadExtentList } from './known-segments.js'
import type { MetaBlobs } from './meta-blobs.js'
import { statIno, withStatSize } from '../format/stat-block.js'

export interface LargeFilesDeps {
  readonly workers: TaskRunner
  readonly meta: Pick<MetaBlobs, 'putExtentList'>
  readonly readExtentList: ReadExtentList
  readonly onRead: (bytes: number) => void
}

/** A file that is open, and what it was when it was opened. */
interface OpenFile {
  readonly fd: number
  readonly record: Buffer
  readonly sizeBytes: number
  /** It takes less room than its size: there may be holes. */
  readonly isSparse: boolean
}

/** A part of a file, as it was when it was opened. */
interface Part {
  readonly position: number
  readonly lengthBytes: number
  readonly isHole: boolean
}

/** What was read of a part: less of it when the file is shorter by now, nothing when the system did not let it be read. */
interface ReadPart {
  readonly part: Part
  readonly extents: readonly Extent[]
  readonly errno: number
}

/** Files that take more than so much are cut into larger chunks, so that there are not too many. */
const largerAverages = [
  { aboveBytes: 512 * 2 ** 30, averageLog2: 20 },
  { aboveBytes: 64 * 2 ** 30, averageLog2: 19 },
  { aboveBytes: 8 * 2 ** 30, averageLog2: 18 },
] as const
const defaultAverageLog2 = 17

/** Reads large files: all threads work on one, each on a segment. */
export class LargeFiles {
  readonly #deps: LargeFilesDeps
  readonly #underWay = new Set<Promise<void>>()

  constructor(deps: LargeFilesDeps) {
    this.#deps = deps
  }

  /** Resolves when the threads have all of it to do, or nothing: whoever has more files waits for that. Never rejects. */
  async read(file: FileToRead): Promise<void> {
    const open = tryOpen(file)
    if (open === undefined) return
    const parts: Promise<ReadPart>[] = []
    const begun = await this.#begin(file, open, parts).catch((thrown: unknown) => ({ thrown }))
    const finished = this.#finish(file, open, { ...begun, parts })
    this.#underWay.add(finished)
    void finished.finally(() => this.#underWay.delete(finished))
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  /** Gives the parts of the file to the threads. Throws what the system says. */
  async #begin(file: FileToRead, open: OpenFile, parts: Promise<ReadPart>[]): Promise<{ averageLog2: number }> {
    const { workers, readExtentList } = this.#deps
    const { averageLog2 = averageLog2For(open.sizeBytes) } = new KnownSegments(file.parent, readExtentList)
    // Another file of the same name has its bytes elsewhere.
    const isInPlace = file.parent !== undefined && statIno(file.parent.stat) === recordIno(open.record)
    const known = new KnownSegments(isInPlace ? file.parent : undefined, readExtentList)
    for (const part of partsOf(open)) {
      const extents = part.isHole ? undefined : await known.find(part.position)
      if (!part.isHole) await workers.waitForRoom()
      const read = this.#read(open, part, { averageLog2, known: extents })
      // Whether it failed is seen when all of them have ended.
      read.catch(() => undefined)
      parts.push(read)
    }
    return { averageLog2 }
  }

  async #read(
    open: OpenFile,
    part: Part,
    { averageLog2, known }: { averageLog2: number; known: Buffer | undefined },
  ): Promise<ReadPart> {
    const { position: offset, lengthBytes } = part
    if (part.isHole) return { part, extents: [{ id: undefined, lengthBytes }], errno: 0 }
    const { fd, isSparse } = open
    const task = { kind: 'segment', fd, offset, length: lengthBytes, averageLog2, isSparse, known } as const
    const { result, errno } = await this.#deps.workers.run(task)
    const extents = unpackExtents(result)
    this.#deps.onRead(lengthBytes)
    const isOneOfSeveral = open.sizeBytes > segmentBytes
    return { part, extents: isOneOfSeveral ? await this.#listOf(extents) : extents, errno }
  }

  /** The extent, of which there is one at most, that stands for these in a list of lists. */
  async #listOf(extents: readonly Extent[]): Promise<readonly Extent[]> {
    const lengthBytes = totalBytesOf(extents)
    if (lengthBytes === 0) return []
    const isHole = extents.every(({ id }) => id === undefined)
    return [{ id: isHole ? undefined : await this.#deps.meta.putExtentList(extents), lengthBytes }]
  }

  /** Never rejects: whoever runs the workers hears of what ends the backup. */
  async #finish(file: FileToRead, open: OpenFile, reading: Reading): Promise<void> {
    try {
      // No thread may read it any more when it is closed.
      await Promise.allSettled(reading.parts)
      const parts = await Promise.all(reading.parts)
      if ('thrown' in reading) file.fail(reading.thrown)
      else this.#store(file, open, { averageLog2: reading.averageLog2, parts })
    } catch {
      file.abandon()
    } finally {
      closeFd(open.fd)
    }
  }

  #store(file: FileToRead, open: OpenFile, read: { averageLog2: number; parts: readonly ReadPart[] }): void {
    const errno = read.parts.find((part) => part.errno !== 0)?.errno
    if (errno !== undefined) {
      file.fail(posixError(errno, 'read', file.walked.name))
      return
    }
    const extents = extentsUpToEnd(read.parts)
    const stat = withStatSize(open.record.subarray(0, statBlockBytes), totalBytesOf(extents))
    file.finish({
      stat,
      body: bodyOf(extents, { averageLog2: read.averageLog2, isOfLists: open.sizeBytes > segmentBytes }),
      xattrs: file.xattrs(() => getXattrs(open.fd)),
      isChanged: !statFd(open.fd).subarray(0, statBlockBytes).equals(stat),
    })
  }
}

/** What the threads have to do for a file, and why they do not have all of it. */
type Reading = ({ readonly averageLog2: number } | { readonly thrown: unknown }) & {
  readonly parts: readonly Promise<ReadPart>[]
}

function averageLog2For(sizeBytes: number): number {
  return largerAverages.find(({ aboveBytes }) => sizeBytes > aboveBytes)?.averageLog2 ?? defaultAverageLog2
}

function tryOpen(file: FileToRead): OpenFile | undefined {
  try {
    return openToRead(file)
  } catch (thrown) {
    file.fail(thrown)
    return undefined
  }
}

/** Throws what the system says, and ESTALE when it is another file by now. */
function openToRead({ walked }: FileToRead): OpenFile {
  const fd = openFileAt(walked.directory.fd, walked.name)
  try {
    const record = statFd(fd)
    const isSame = recordIno(record) === recordIno(walked.record) && findFileType(recordMode(record)) === 'f'
    if (!isSame) throw posixError(constants.errno.ESTALE, 'openat', walked.name)
    const sizeBytes = recordSizeBytes(record)
    return { fd, record, sizeBytes, isSparse: recordBlocks512(record) * 512 < sizeBytes }
  } catch (thrown) {
    closeFd(fd)
    throw thrown
  }
}

/** The segments that there is something in, and the holes between them, which may be longer than a segment. */
function* partsOf({ fd, sizeBytes, isSparse }: OpenFile): Generator<Part> {
  for (let position = 0; position < sizeBytes;) {
    const data = isSparse ? Math.min(nextData(fd, position) ?? sizeBytes, sizeBytes) : position
    const start = data === sizeBytes ? sizeBytes : data - (data % segmentBytes)
    if (start > position) yield { position, lengthBytes: start - position, isHole: true }
    const lengthBytes = Math.min(segmentBytes, sizeBytes - start)
    if (lengthBytes > 0) yield { position: start, lengthBytes, isHole: false }
    position = start + lengthBytes
  }
}

/** What lies behind the first part that is shorter than it was belongs to a file that was longer. */
function extentsUpToEnd(parts: readonly ReadPart[]): readonly Extent[] {
  const short = parts.findIndex(({ part, extents }) => totalBytesOf(extents) < part.lengthBytes)
  return (short < 0 ? parts : parts.slice(0, short + 1)).flatMap(({ extents }) => extents)
}

function bodyOf(extents: readonly Extent[], form: { averageLog2: number; isOfLists: boolean }): EntryBody {
  const { averageLog2, isOfLists } = form
  if (extents.length === 0) return { form: 'empty' }
  return isOfLists ? { form: 'lists', averageLog2, lists: extents } : { form: 'chunks', averageLog2, chunks: extents }
}
