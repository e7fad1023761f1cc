import ignore, { type Ignore } from 'ignore'
import { systemPath } from './format/tree-path.js'

/** What a backup leaves out: patterns as in a `.gitignore` at the root of the tree. */
export class Exclusion {
  readonly #rules: Ignore | undefined

  constructor(patterns: readonly string[]) {
    if (patterns.length > 0) this.#rules = ignore({ allowRelativePaths: true, ignorecase: false }).add(patterns)
  }

  /** Of a path as manifests have it. What is in a directory that is left out is never asked for. */
  isExcluded(path: Buffer, isDirectory: boolean): boolean {
    if (this.#rules === undefined) return false
    const text = systemPath(path).toString()
    return this.#rules.ignores(isDirectory ? `${text}/` : text)
  }
}
