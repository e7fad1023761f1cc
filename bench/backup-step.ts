import { execa } from 'execa'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What one command took. */
export interface Cost {
  /** Until it returned. */
  readonly commandMs: number
  /** Until the file systems that it wrote to had made everything durable. */
  readonly durableMs: number
  /** User and system time of all its threads and children. */
  readonly cpuMs: number
  /** Of its largest process. */
  readonly peakBytes: number
}

export interface Command {
  readonly words: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** On the file systems that it writes to. */
  readonly writesTo: readonly string[]
}

/** What GNU time is told to print: user s, system s, peak KiB. */
const format = '%U %S %M'

/** Runs commands one at a time and measures them, with the page cache as it is or empty. */
export class Stopwatch {
  readonly #cache: 'warm' | 'cold'
  readonly #report: string

  constructor(directory: string, cache: 'warm' | 'cold') {
    this.#cache = cache
    this.#report = join(directory, 'time')
  }

  async measure({ words, environment, writesTo }: Command): Promise<Cost> {
    // What others left to be written must not be waited for in our time.
    await execa('sync')
    if (this.#cache === 'cold') writeFileSync('/proc/sys/vm/drop_caches', '3')
    const args = ['--output', this.#report, '--format', format, ...words]
    const start = performance.now()
    await execa('/usr/bin/time', args, { env: environment, extendEnv: false, stdin: 'ignore' })
    const commandMs = performance.now() - start
    await execa('sync', ['--file-system', ...writesTo])
    const durableMs = performance.now() - start
    return { commandMs, durableMs, ...this.#readReport() }
  }

  #readReport(): Pick<Cost, 'cpuMs' | 'peakBytes'> {
    const [user = 0, system = 0, peakKib = 0] = readFileSync(this.#report, 'utf8').trim().split(' ').map(Number)
    return { cpuMs: (user + system) * 1000, peakBytes: peakKib * 1024 }
  }
}
