/** `notice`: costs something, and nothing is wrong. `warning`: will go wrong, or does in part. `error`: volumes do not work. */
export type Severity = 'notice' | 'warning' | 'error'

export interface Mend {
  /** What a person types to mend it. */
  readonly command: string
  /** Does the same. Only where nothing can be lost by it, whatever else is wrong: this is what `--fix` does. */
  readonly run?: () => unknown
}

/** Something that a person should know. */
export interface Finding {
  readonly severity: Severity
  readonly what: string
  readonly why: string
  readonly mend?: Mend
}
