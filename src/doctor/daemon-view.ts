import { ConvoyError } from '../errors.js'
import type { ConfigReport } from '../model/config-report.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { Space } from '../model/space.js'

/** How the daemon is asked: rejects with a ConvoyError when it does not answer, or says no. */
export interface ControlSource {
  readonly socketPath: string
  get(path: string): Promise<unknown>
  /** Hands over the text of an answer as it comes, to its end. */
  stream(call: StreamCall): Promise<void>
}

interface StreamCall {
  readonly path: string
  readonly longestSilenceMs: number
  readonly onText: (text: string) => void
}

/** Which daemon, as it is typed: `--name` or `--socket`; without either the usual one. */
export interface DaemonAddress {
  readonly name?: string
  readonly socket?: string
}

/** `GET /v1/info`, as far as it is needed. */
export interface DaemonInfo {
  readonly General: Readonly<Record<string, unknown>>
}

/** `GET /v1/diagnosis` */
export interface DaemonDiagnosis {
  readonly pid: number
  readonly node: string
  readonly isComplete: boolean
  /** Driver → why its storage does not answer. A daemon of an earlier version does not say. */
  readonly unavailable?: Readonly<Record<string, string>>
  /** How much room storages had when they were asked last. A daemon of an earlier version does not say. */
  readonly spaces?: readonly (Space & { readonly storage: string })[]
  readonly degraded?: string
  readonly database?: DatabaseDescription
  readonly databaseError?: string
  readonly newestRecordAt?: string
}

/** One of `GET /v1/summaries` and `GET /v1/forgotten`. */
export interface VolumeSummary {
  readonly name: string
  readonly driver: string
}

/** One of `GET /v1/trash`. */
export interface TrashEntry {
  readonly name: string
  readonly expiresAt: string
  readonly sizeBytes?: number
}

/** `GET /v1/inventory` */
export interface DiskInventory {
  readonly disks: readonly KnownDisk[]
  /** Drivers whose storage did not say. */
  readonly failures: readonly { readonly driver: string; readonly error: string }[]
}

export interface KnownDisk {
  readonly driver: string
  readonly name: string
  readonly storageId: string
  readonly state: string
  readonly sizeBytes: number
  readonly isKnown: boolean
  readonly isNameTaken: boolean
  readonly isIdle: boolean
  readonly defect?: string
}

interface Answers {
  readonly '/v1/info': DaemonInfo
  readonly '/v1/config': ConfigReport
  readonly '/v1/diagnosis': DaemonDiagnosis
  readonly '/v1/inventory': DiskInventory
  readonly '/v1/summaries': readonly VolumeSummary[]
  readonly '/v1/forgotten': readonly VolumeSummary[]
  readonly '/v1/trash': readonly TrashEntry[]
}

/** What the daemon says; each thing is asked for once, however many checks need it. */
export class DaemonView {
  readonly #source: ControlSource
  readonly #readConfig: () => Promise<ConfigReport>
  readonly #asked = new Map<string, Promise<unknown>>()

  /** `readConfig`: what a daemon would do that were started now. */
  constructor(source: ControlSource, readConfig: () => Promise<ConfigReport>) {
    this.#source = source
    this.#readConfig = readConfig
  }

  get socketPath(): string {
    return this.#source.socketPath
  }

  get<Path extends keyof Answers>(path: Path): Promise<Answers[Path]> {
    const known = this.#asked.get(path) ?? this.#source.get(path)
    this.#asked.set(path, known)
    // What the daemon of this version answers. One of another version makes the check fail, which is a finding of its own.
    return known as Promise<Answers[Path]>
  }

  /** Of the daemon that runs, otherwise what the next one would do. ConvoyError `invalid-argument` when that is wrong. */
  configuration(): Promise<ConfigReport> {
    return this.get('/v1/config').catch(() => this.#readConfig())
  }

  /** Option → value. */
  async settings(): Promise<ReadonlyMap<string, string>> {
    const config = await this.configuration()
    return new Map(config.options.flatMap(({ name, value }) => (value === undefined ? [] : [[name, value] as const])))
  }

  async setting(name: string): Promise<string> {
    const value = (await this.settings()).get(name)
    if (value !== undefined) return value
    throw new ConvoyError('internal', `the configuration has no ${name}`)
  }
}
