import type { DirectoryHandle } from '../../host/directory-handle.js'
import { closeFd } from '../../host/posix.js'
import { createFileAt, type FinishOptions, unlinkAt } from '../../host/posix-making.js'
import { setSize } from '../../host/positioned-io.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { finishOpen, refusalOf } from './restore-finish.js'
import type { RestoreFailure } from './restore-job.js'
import { isVital, refusalError } from './restore-refusals.js'
import type { RestoreReport } from './restore-report.js'
import { nameOf } from '../format/tree-path.js'

/** A file on its way from the repository to its place. */
export interface RestoredFile {
  /** What threads call it. */
  readonly number: number
  /** Looked into when it is needed: what is made of it for so many files at once would be much to keep. */
  readonly entry: ManifestEntry
  /** Open until all of it is written. */
  readonly directory: DirectoryHandle
  /** Of a file that comes in parts: open from its creation to its end. Others are made when their content is there. */
  readonly fd: number | undefined
  /** What is still to be written, and one more while that is being found out. */
  pending: number
  /** Why it cannot be restored. */
  damage: string | undefined
}

/** The files that are being written, each from its beginning to its end. */
export class RestoredFiles {
  readonly #options: FinishOptions
  readonly #report: RestoreReport
  readonly #open = new Set<RestoredFile>()
  #lastNumber = 0

  constructor(options: FinishOptions, report: RestoreReport) {
    this.#options = options
    this.#report = report
  }

  /** A file that a thread makes as a whole. */
  begin(entry: ManifestEntry, directory: DirectoryHandle): RestoredFile {
    return this.#begin(entry, directory, undefined)
  }

  /** A file that is made at once, all of it a hole, and then filled. */
  beginInParts(entry: ManifestEntry, directory: DirectoryHandle): RestoredFile {
    try {
      const file = this.#begin(entry, directory, createFileAt(directory.fd, nameOf(entry.path)))
      if (entry.sizeBytes > 0) setSize(file.fd ?? -1, entry.sizeBytes)
      return file
    } catch (thrown) {
      throw refusalError(entry.path, refusalOf(thrown), thrown)
    }
  }

  /** A part of it is done. With the last of them the file is what it was, or, when it is damaged, not there. */
  settle(file: RestoredFile): void {
    file.pending -= 1
    if (file.pending > 0) return
    this.#open.delete(file)
    try {
      if (file.damage !== undefined) this.#report.add(file.entry.path, 'damaged', file.damage)
      else this.#count(file)
      if (file.fd !== undefined) this.#end(file, file.fd)
    } finally {
      file.directory.release()
    }
  }

  /** What a thread could not do. Throws ConvoyError `unavailable` for what ends a restore. */
  fail(file: RestoredFile, failure: RestoreFailure): void {
    if (failure.call === 'damaged') file.damage ??= failure.reason
    else if (isVital(failure)) throw refusalError(file.entry.path, failure)
    else this.#report.addRefusals(file.entry.path, [failure])
  }

  /** Lets go of what is not done. No thread may be writing any more. */
  close(): void {
    for (const { fd, directory } of this.#open) {
      if (fd !== undefined) closeFd(fd)
      directory.release()
    }
    this.#open.clear()
  }

  #begin(entry: ManifestEntry, directory: DirectoryHandle, fd: number | undefined): RestoredFile {
    this.#lastNumber += 1
    const number = this.#lastNumber
    const file: RestoredFile = { number, entry, directory: directory.retain(), fd, pending: 1, damage: undefined }
    this.#open.add(file)
    return file
  }

  #count({ entry }: RestoredFile): void {
    this.#report.files += 1
    this.#report.bytes += entry.sizeBytes
  }

  #end({ entry, directory, damage }: RestoredFile, fd: number): void {
    const { path, stat, xattrs } = entry
    if (damage === undefined) this.#report.addRefusals(path, finishOpen(fd, stat, xattrs, this.#options))
    try {
      closeFd(fd)
      if (damage !== undefined) unlinkAt(directory.fd, nameOf(path))
    } catch (thrown) {
      throw refusalError(path, refusalOf(thrown), thrown)
    }
  }
}
