import { constants } from 'node:os'
import { getXattrsAt, packNames } from '../../host/posix.js'
import { posixError } from '../../host/posix-errors.js'
import { mayHaveXattrs, recordErrno, recordSizeBytes, statBlockBytes, wasChanged } from '../../host/stat-record.js'
import { bundleBytes, type FileAnswer, readFileAnswer } from './backup-protocol.js'
import type { TaskRunner } from './backup-workers.js'
import { chunkIdBytes } from '../format/chunk-id.js'
import type { EntryBody } from '../format/entry-body.js'
import type { FileToRead } from './file-to-read.js'
import type { LargeFiles } from './large-files.js'
import { withStatSize } from '../format/stat-block.js'

/** Directories that one batch may keep open. */
const mostDirectories = 64
const mostFiles = 4096

const { EFBIG, ENOBUFS } = constants.errno

export interface SmallFilesDeps {
  readonly workers: TaskRunner
  /** Takes those that have grown. */
  readonly largeFiles: LargeFiles
  /** What a file is known to hold, where the repository still has that. */
  readonly findKnown: (file: FileToRead) => Buffer | undefined
  readonly onRead: (bytes: number) => void
}

interface Batch {
  readonly files: FileToRead[]
  readonly directories: Set<number>
  sizeBytes: number
}

/** Reads small files, many at once: each batch becomes one chunk. */
export class SmallFiles {
  readonly #deps: SmallFilesDeps
  readonly #underWay = new Set<Promise<void>>()
  #batch: Batch = newBatch()

  constructor(deps: SmallFilesDeps) {
    this.#deps = deps
  }

  /** Reads it with some of those that follow. */
  add(file: FileToRead): void {
    const batch = this.#batch
    batch.files.push(file)
    batch.directories.add(file.walked.directory.fd)
    batch.sizeBytes += recordSizeBytes(file.walked.record)
    const isFull = batch.sizeBytes >= bundleBytes || batch.files.length >= mostFiles
    if (isFull || batch.directories.size >= mostDirectories) this.flush()
  }

  /** Begins to read those that were added. */
  flush(): void {
    const { files } = this.#batch
    this.#batch = newBatch()
    if (files.length === 0) return
    const read = this.#read(files)
    this.#underWay.add(read)
    void read.finally(() => this.#underWay.delete(read))
  }

  /** Resolves when nothing is under way any more. */
  async settle(): Promise<void> {
    this.flush()
    await Promise.all(this.#underWay)
  }

  /** Never rejects: whoever runs the workers hears of what ends the backup. */
  async #read(files: readonly FileToRead[]): Promise<void> {
    const known = Buffer.alloc(files.length * chunkIdBytes)
    for (const [index, file] of files.entries()) this.#deps.findKnown(file)?.copy(known, index * chunkIdBytes)
    try {
      const { result } = await this.#deps.workers.run({
        kind: 'files',
        count: files.length,
        directories: Int32Array.from(files, ({ walked }) => walked.directory.fd),
        names: packNames(files.map(({ walked }) => walked.name)),
        known,
      })
      this.#deps.onRead(files.reduce((sum, { walked }) => sum + recordSizeBytes(walked.record), 0))
      const answers = Buffer.from(result.buffer)
      for (const [index, file] of files.entries()) await this.#finish(file, readFileAnswer(answers, index))
    } catch {
      for (const file of files) file.abandon()
    }
  }

  async #finish(file: FileToRead, answer: FileAnswer): Promise<void> {
    const errno = recordErrno(answer.record)
    if (errno === EFBIG || errno === ENOBUFS) return this.#deps.largeFiles.read(file)
    if (errno !== 0) {
      file.fail(posixError(errno, 'read', file.walked.name))
      return
    }
    const isChanged = wasChanged(answer.record)
    // Of what changed meanwhile the times are not those of what was read: the next backup shall read it again.
    const stat = isChanged
      ? withStatSize(file.walked.record.subarray(0, statBlockBytes), recordSizeBytes(answer.record))
      : answer.record.subarray(0, statBlockBytes)
    const { directory, name } = file.walked
    const xattrs = mayHaveXattrs(answer.record) ? file.xattrs(() => getXattrsAt(directory.fd, name)) : []
    file.finish({ stat, body: bodyOf(file, answer), xattrs, isChanged })
  }
}

function newBatch(): Batch {
  return { files: [], directories: new Set(), sizeBytes: 0 }
}

function bodyOf(file: FileToRead, { record, isKnown, chunk, offset, sha256 }: FileAnswer): EntryBody {
  if (recordSizeBytes(record) === 0) return { form: 'empty' }
  // Only what a parent has was asked about.
  if (isKnown && file.parent !== undefined) return file.parent.body
  return { form: 'bundled', chunk, offset, sha256 }
}
