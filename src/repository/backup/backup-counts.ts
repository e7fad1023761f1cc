import type { FileType } from '../format/file-types.js'

/** What a backup has come to. */
export class BackupCounts {
  files = 0
  directories = 0
  others = 0
  /** Of all files, each once however many names it has. */
  bytes = 0
  filesNew = 0
  filesChanged = 0
  filesUnchanged = 0
  /** Of files that have been read, or need not be. */
  bytesDone = 0
  /** What was come to last. */
  current: Buffer | undefined

  addName(type: FileType): void {
    if (type === 'f') this.files += 1
    else if (type === 'd') this.directories += 1
    else this.others += 1
  }

  addUnchanged(sizeBytes: number): void {
    this.filesUnchanged += 1
    this.bytes += sizeBytes
    this.bytesDone += sizeBytes
  }

  /** A file that has to be read. */
  addRead(sizeBytes: number, isKnown: boolean): void {
    if (isKnown) this.filesChanged += 1
    else this.filesNew += 1
    this.bytes += sizeBytes
  }
}
