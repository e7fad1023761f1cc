import type { BackupOptionTexts } from './backup-settings.js'
import type { Findings } from './report.js'

export interface Surroundings {
  /** A fresh directory on the disk under test, removed afterwards. */
  readonly directory: string
  /** Of the command line, for the benchmarks that have settings. */
  readonly settings: BackupOptionTexts
}

/** One question with figures for an answer. */
export interface Benchmark {
  /** As given on the command line. */
  readonly name: string
  readonly title: string
  run(surroundings: Surroundings): Promise<Findings>
}
