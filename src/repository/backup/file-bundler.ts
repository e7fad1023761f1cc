import { readFilesAt } from '../../host/posix.js'
import { recordErrno, recordSizeBytes, statRecordBytes } from '../../host/stat-record.js'
import {
  asBuffer,
  bundleBytes,
  fileAnswerBytes,
  type FilesTask,
  smallFileLimitBytes,
  writeFileAnswer,
} from './backup-protocol.js'
import { chunkIdBytes, chunkIdOf } from '../format/chunk-id.js'
import type { ChunkPacker } from './chunk-packer.js'

const noId = Buffer.alloc(chunkIdBytes)

/** What became of the contents of a file. */
interface Content {
  readonly record: Buffer
  readonly sha256: Buffer
  /** In the bundle; undefined for what needs no place there. */
  readonly offset: number | undefined
}

/** Reads batches of small files and makes of each a bundle: one chunk that holds their contents one behind the other. */
export class FileBundler {
  readonly #packer: ChunkPacker
  readonly #area = Buffer.allocUnsafeSlow(bundleBytes + smallFileLimitBytes)

  constructor(packer: ChunkPacker) {
    this.#packer = packer
  }

  /** An answer for each file of the task. What has grown too much for the batch was refused, with EFBIG or ENOBUFS. */
  bundle(task: FilesTask): Buffer {
    const records = readFilesAt({
      directoryFds: task.directories,
      names: asBuffer(task.names),
      limitBytes: smallFileLimitBytes,
      into: this.#area,
    })
    const { contents, sizeBytes } = this.#arrange(records, asBuffer(task.known))
    const chunk = sizeBytes === 0 ? noId : this.#packer.put(this.#area.subarray(0, sizeBytes), 'data')
    const answers = Buffer.allocUnsafeSlow(task.count * fileAnswerBytes)
    for (const [index, { record, sha256, offset }] of contents.entries()) {
      const isKnown = offset === undefined
      writeFileAnswer(answers, index, { record, sha256, isKnown, offset: offset ?? 0, chunk })
    }
    return answers
  }

  /** Moves together what has to be stored: not what the repository is known to have, and twins only once. */
  #arrange(records: Buffer, known: Buffer): { contents: Content[]; sizeBytes: number } {
    const offsets = new Map<string, number>()
    const contents: Content[] = []
    let end = 0
    for (let at = 0, from = 0; at < records.length; at += statRecordBytes) {
      const record = records.subarray(at, at + statRecordBytes)
      const to = from + (recordErrno(record) === 0 ? recordSizeBytes(record) : 0)
      const sha256 = chunkIdOf(this.#area.subarray(from, to))
      const isKnown =
        known.compare(sha256, 0, chunkIdBytes, contents.length * chunkIdBytes, (contents.length + 1) * chunkIdBytes) ===
        0
      const twin = offsets.get(sha256.toString('latin1'))
      contents.push({ record, sha256, offset: isKnown ? undefined : (twin ?? end) })
      if (!isKnown && twin === undefined) {
        this.#area.copyWithin(end, from, to)
        offsets.set(sha256.toString('latin1'), end)
        end += to - from
      }
      from = to
    }
    return { contents, sizeBytes: end }
  }
}
