import type { OnProgress, RepositoryProgress } from '../progress.js'
import type { Refusal } from './restore-finish.js'
import { attributeMessage } from './restore-refusals.js'
import { showPath } from '../format/tree-path.js'

/** Something of a tree that was not restored, or not as it was. */
export interface RestoreProblem {
  /** As showPath shows it. */
  readonly path: string
  /**
   * `damaged`: what is stored is not what it was, so it was left out; `skipped`: left out because it was not asked for;
   * `attributes`: it is there, without an owner, mode, time or attribute that the system refused.
   */
  readonly code: 'damaged' | 'skipped' | 'attributes'
  readonly message: string
}

const mostListed = 1000

/** How a restore goes: what is done, and what went wrong. */
export class RestoreReport {
  files = 0
  directories = 0
  others = 0
  bytes = 0
  storedBytes = 0
  problemCount = 0
  damagedCount = 0
  /** The first thousand; damage before anything else. */
  readonly problems: RestoreProblem[] = []
  readonly #totals: Pick<RepositoryProgress, 'filesTotal' | 'bytesTotal'>
  readonly #onProgress: OnProgress

  constructor(totals: Pick<RepositoryProgress, 'filesTotal' | 'bytesTotal'>, onProgress: OnProgress = () => undefined) {
    this.#totals = totals
    this.#onProgress = onProgress
  }

  add(path: Buffer, code: RestoreProblem['code'], message: string): void {
    this.problemCount += 1
    if (code === 'damaged') this.damagedCount += 1
    if (this.problems.length >= mostListed && !(code === 'damaged' && this.#dropOne())) return
    this.problems.push({ path: showPath(path), code, message })
  }

  addRefusals(path: Buffer, refusals: readonly Refusal[]): void {
    for (const refusal of refusals) this.add(path, 'attributes', attributeMessage(refusal))
  }

  tell(phase: RepositoryProgress['phase']): void {
    const { files: filesDone, bytes: bytesDone, storedBytes } = this
    this.#onProgress({ phase, filesDone, bytesDone, storedBytes, ...this.#totals })
  }

  #dropOne(): boolean {
    const index = this.problems.findLastIndex(({ code }) => code !== 'damaged')
    if (index >= 0) this.problems.splice(index, 1)
    return index >= 0
  }
}
