import { closeSync, fdatasyncSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { Samples } from './statistics.js'

/** How the daemon makes things durable; each costs differently on a journaling file system. */
export const syncKinds = ['append', 'new file', 'directory'] as const
export type SyncKind = (typeof syncKinds)[number]

/** What a sync costs on the file system of `directory`, sampled between the operations that pay for it. */
export class SyncCost {
  readonly #directory: string
  readonly #log: number
  readonly #page = Buffer.alloc(4096, 'x')
  readonly #samples = { append: new Samples(), 'new file': new Samples(), directory: new Samples() }
  #files = 0

  constructor(directory: string) {
    this.#directory = join(directory, 'sync-cost')
    mkdirSync(this.#directory)
    this.#log = openSync(join(this.#directory, 'log'), 'w')
  }

  sample(times: number): void {
    for (let index = 0; index < times; index++) {
      this.#time('append', () => this.#append())
      const name = `file-${++this.#files}`
      this.#time('new file', () => this.#writeFile(name))
      this.#time('directory', () => this.#rename(name))
    }
  }

  of(kind: SyncKind): Samples {
    return this.#samples[kind]
  }

  close(): void {
    closeSync(this.#log)
    rmSync(this.#directory, { recursive: true })
  }

  #time(kind: SyncKind, act: () => void): void {
    const start = performance.now()
    act()
    this.#samples[kind].add(performance.now() - start)
  }

  #append(): void {
    writeSync(this.#log, this.#page)
    fdatasyncSync(this.#log)
  }

  #writeFile(name: string): void {
    const file = openSync(join(this.#directory, name), 'w')
    writeSync(file, this.#page, 0, 300)
    fsyncSync(file)
    closeSync(file)
  }

  #rename(name: string): void {
    renameSync(join(this.#directory, name), join(this.#directory, `${name}.renamed`))
    const directory = openSync(this.#directory, 'r')
    fsyncSync(directory)
    closeSync(directory)
  }
}
