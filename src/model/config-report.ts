import type { Attributes } from './volume.js'

/** The configuration of a running daemon, and where each part of it comes from. */
export interface ConfigReport {
  /** The configuration file that was read. */
  readonly file?: string
  readonly options: readonly ConfiguredOption[]
  /** Name → volume options. */
  readonly profiles: Readonly<Record<string, Attributes>>
  /** What looks like a mistake and is none for certain. */
  readonly warnings: readonly string[]
  /** Options that were changed while the daemon runs, and that it heeds only once it is started again. */
  readonly needsRestart: readonly string[]
}

export interface ConfiguredOption {
  /** Of an option of the daemon, or `vfs.path` for one of a driver. */
  readonly name: string
  /** Absent where the option is not given and has no default. */
  readonly value?: string
  /** The flag, the variable, or the file and line that gave it; `default` when nobody did. */
  readonly source: string
  /** What others gave in vain, the strongest first. */
  readonly overrides: readonly { readonly value: string; readonly source: string }[]
}
