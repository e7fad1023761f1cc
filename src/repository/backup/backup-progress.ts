import type { OnProgress, RepositoryProgress } from '../progress.js'
import type { BackupCounts } from './backup-counts.js'
import { showPath } from '../format/tree-path.js'

const intervalMs = 200

/** Tells how far a backup has come, not more often than people can look. */
export class BackupProgress {
  readonly #deps: { readonly now: () => number; readonly onProgress?: OnProgress | undefined }
  #phase: RepositoryProgress['phase'] = 'open'
  #toldAtMs = Number.NEGATIVE_INFINITY

  constructor(deps: { readonly now: () => number; readonly onProgress?: OnProgress | undefined }) {
    this.#deps = deps
  }

  begin(phase: RepositoryProgress['phase'], counts: BackupCounts, storedBytes: number): void {
    this.#phase = phase
    this.#toldAtMs = Number.NEGATIVE_INFINITY
    this.tell(counts, storedBytes)
  }

  tell(counts: BackupCounts, storedBytes: number): void {
    const { now, onProgress } = this.#deps
    if (onProgress === undefined || now() - this.#toldAtMs < intervalMs) return
    this.#toldAtMs = now()
    onProgress({
      phase: this.#phase,
      filesDone: counts.files,
      bytesDone: counts.bytesDone,
      storedBytes,
      ...(counts.current === undefined ? {} : { current: showPath(counts.current) }),
    })
  }
}
