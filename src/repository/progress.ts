/** How far something long has come. Counts only grow, totals are what is known so far. */
export interface RepositoryProgress {
  readonly phase: 'open' | 'scan' | 'copy' | 'check' | 'sweep' | 'finish'
  readonly filesDone: number
  readonly filesTotal?: number
  readonly bytesDone: number
  readonly bytesTotal?: number
  /** What has been sent to, or read from, the store. */
  readonly storedBytes: number
  /** What is worked on just now, for people. */
  readonly current?: string
}

export type OnProgress = (progress: RepositoryProgress) => void
