import { isConvoyError } from '../../errors.js'
import { closeFd } from '../../host/posix.js'
import { createFileAt, type FinishOptions, writeFilesAt } from '../../host/posix-making.js'
import { writeAt } from '../../host/positioned-io.js'
import { chunkIdBytes, chunkIdOf } from '../format/chunk-id.js'
import { maximumBlobBytes, type PackEntry } from '../format/pack-format.js'
import type { PackOpener } from '../format/pack-reader.js'
import type { Xattr } from '../format/entry-body.js'
import { finishOpen, type Refusal, refusalOf } from './restore-finish.js'
import type { FileColumns, JobBlob, JobPart, RestoreFailure, RestoreJob } from './restore-job.js'
import { statBytes, statSize } from '../format/stat-block.js'

/** Opens the blobs of a stretch and writes what has proven to be what it was. For one thread. */
export class RestoreWriter {
  readonly #opener: PackOpener
  readonly #options: FinishOptions
  /** What is compressed is opened into it, blob after blob. */
  readonly #space = Buffer.alloc(maximumBlobBytes)

  constructor(opener: PackOpener, options: FinishOptions) {
    this.#opener = opener
    this.#options = options
  }

  /** Returns what was not written, or is not all that it should be. A file that is not mentioned is whole. */
  write(job: RestoreJob): readonly RestoreFailure[] {
    return job.blobs.flatMap((blob) => this.#writeBlob(job, blob))
  }

  #writeBlob(job: RestoreJob, { entry, files, parts }: JobBlob): readonly RestoreFailure[] {
    const raw = this.#open(job, entry)
    if (!Buffer.isBuffer(raw)) {
      return [...(files?.numbers ?? []), ...parts.map((part) => part.number)].map((number) => ({ number, ...raw }))
    }
    const failures = parts.flatMap((part) => writePart(part, raw))
    return files === undefined ? failures : [...this.#writeFiles(files, raw), ...failures]
  }

  #open({ pack, bytes, offset }: RestoreJob, entry: PackEntry): Buffer | Refusal {
    const start = entry.offset - offset
    try {
      return this.#opener.openBlob(pack, entry, bytes.subarray(start, start + entry.storedBytes), this.#space)
    } catch (thrown) {
      if (isConvoyError(thrown, 'damaged')) return damage(thrown.message)
      throw thrown
    }
  }

  /** In one call for all, unless one of them needs more. */
  #writeFiles(files: FileColumns, raw: Buffer): readonly RestoreFailure[] {
    const isWhole = Array.from(files.numbers, (_, index) => hasItsContent(files, raw, index))
    if (files.xattrs.size > 0 || isWhole.includes(false)) {
      const single = singleFiles(files)
      return single.flatMap((file, index) => this.#writeFile(file, isWhole[index] === true ? raw : undefined))
    }
    const { directories: directoryFds, names, stats: blocks, offsets } = files
    const failures = writeFilesAt({ directoryFds, names, blocks, data: raw, offsets }, this.#options)
    return failures.map(({ index, error }) => ({ number: files.numbers[index] ?? 0, ...refusalOf(error) }))
  }

  #writeFile(
    { number, directory, name, stat, xattrs, offset }: SingleFile,
    raw: Buffer | undefined,
  ): readonly RestoreFailure[] {
    if (raw === undefined) return [{ number, ...damage('its content is not what was recorded') }]
    try {
      const fd = createFileAt(directory, name)
      try {
        writeAt(fd, raw.subarray(offset, offset + statSize(stat)), 0)
        return finishOpen(fd, stat, xattrs, this.#options).map((refusal) => ({ number, ...refusal }))
      } finally {
        closeFd(fd)
      }
    } catch (thrown) {
      return [{ number, ...refusalOf(thrown) }]
    }
  }
}

interface SingleFile {
  readonly number: number
  readonly directory: number
  readonly name: Buffer
  readonly stat: Buffer
  readonly offset: number
  readonly xattrs: readonly Xattr[]
}

function singleFiles({ numbers, directories, names, offsets, stats, xattrs }: FileColumns): readonly SingleFile[] {
  let nameAt = 0
  return Array.from(numbers, (number, index) => {
    const end = names.indexOf(0, nameAt)
    const name = names.subarray(nameAt, end)
    nameAt = end + 1
    return {
      number,
      directory: directories[index] ?? -1,
      name,
      stat: statAt(stats, index),
      offset: offsets[index] ?? 0,
      xattrs: xattrs.get(index) ?? [],
    }
  })
}

const statAt = (stats: Buffer, index: number) => stats.subarray(index * statBytes, (index + 1) * statBytes)

/** Also false for a file that would end behind the blob. */
function hasItsContent({ hashes, stats, offsets }: FileColumns, raw: Buffer, index: number): boolean {
  const start = offsets[index] ?? 0
  const end = start + statSize(statAt(stats, index))
  if (end > raw.length) return false
  return chunkIdOf(raw.subarray(start, end)).compare(hashes, index * chunkIdBytes, (index + 1) * chunkIdBytes) === 0
}

function writePart({ number, fd, position, length }: JobPart, raw: Buffer): readonly RestoreFailure[] {
  if (length !== raw.length) return [{ number, ...damage('one of its chunks is not as long as was recorded') }]
  try {
    writeAt(fd, raw, position)
    return []
  } catch (thrown) {
    return [{ number, ...refusalOf(thrown) }]
  }
}

const damage = (reason: string): Refusal => ({ call: 'damaged', reason })
