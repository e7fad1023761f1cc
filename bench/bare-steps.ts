import * as fs from 'node:fs'
import { join } from 'node:path'
import { entry, Samples } from './statistics.js'

/** A walk through the steps that make one operation durable. */
export interface BareOperation {
  /** How many fsync and fdatasync calls it makes. */
  readonly syncs: number
  readonly act: (steps: BareSteps, name: string) => void
}

/**
 * The durable steps of the vfs driver and the ledger without any daemon: the same kinds of write and sync, in the same
 * directories, one synchronous call after the other. What an operation takes beyond them is our own.
 */
export class BareSteps {
  readonly #volumes: string
  readonly #sidecars: string
  readonly #trash: string
  readonly #log: number
  readonly #commit = Buffer.alloc(2 * 4120, 'x')
  readonly #samples = new Map<string, Samples>()

  /** `directory`: a daemon's, as BenchDaemon lays it out. */
  constructor(directory: string) {
    this.#volumes = join(directory, 'volumes')
    this.#sidecars = join(this.#volumes, '.convoy', 'volumes')
    this.#trash = join(this.#volumes, '.convoy', 'trash')
    this.#log = fs.openSync(join(directory, 'root', 'bare-log'), 'w')
  }

  /** What each of these steps took, by its title. */
  get samples(): ReadonlyMap<string, Samples> {
    return this.#samples
  }

  /** Two pages of a write-ahead log. */
  commit(): void {
    this.#time('append 8 KiB + fdatasync', () => {
      fs.writeSync(this.#log, this.#commit)
      fs.fdatasyncSync(this.#log)
    })
  }

  writeSidecar(name: string): void {
    this.#replace(this.#sidecars, name)
  }

  makeDirectory(name: string): void {
    const unfinished = join(this.#volumes, '.convoy', `new-${name}`)
    this.#time('mkdir + rename + fsync of the parent', () => {
      fs.mkdirSync(unfinished)
      fs.renameSync(unfinished, join(this.#volumes, name))
      sync(this.#volumes)
    })
  }

  moveToTrash(name: string): void {
    this.#replace(this.#trash, name)
    fs.renameSync(join(this.#volumes, name), join(this.#trash, name))
    sync(this.#trash)
    sync(this.#volumes)
    fs.unlinkSync(join(this.#sidecars, `${name}.json`))
    sync(this.#sidecars)
  }

  close(): void {
    fs.closeSync(this.#log)
  }

  #replace(directory: string, name: string): void {
    const path = join(directory, `${name}.json`)
    const file = fs.openSync(`${path}.partial`, 'w')
    this.#time('new file of 400 bytes + fsync', () => {
      fs.writeSync(file, this.#commit, 0, 400)
      fs.fsyncSync(file)
    })
    fs.closeSync(file)
    this.#time('rename + fsync of the directory', () => {
      fs.renameSync(`${path}.partial`, path)
      sync(directory)
    })
  }

  #time(title: string, act: () => void): void {
    const start = performance.now()
    act()
    entry(this.#samples, title, () => new Samples()).add(performance.now() - start)
  }
}

function sync(directory: string): void {
  const descriptor = fs.openSync(directory, 'r')
  fs.fsyncSync(descriptor)
  fs.closeSync(descriptor)
}

/** In the order in which a volume meets them. */
export const bareOperations = {
  create: {
    syncs: 5,
    act: (steps, name) => {
      steps.commit()
      steps.writeSidecar(name)
      steps.makeDirectory(name)
      steps.commit()
    },
  },
  mount: { syncs: 1, act: (steps) => steps.commit() },
  unmount: { syncs: 1, act: (steps) => steps.commit() },
  remove: {
    syncs: 4,
    act: (steps, name) => {
      steps.commit()
      steps.writeSidecar(name)
      steps.commit()
    },
  },
  trash: {
    syncs: 7,
    act: (steps, name) => {
      steps.commit()
      steps.moveToTrash(name)
      steps.commit()
    },
  },
} as const satisfies Readonly<Record<string, BareOperation>>
