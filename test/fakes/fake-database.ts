import { ConvoyError } from '../../src/errors.js'
import { isEvent } from '../../src/store/event-log.js'
import {
  type Database,
  keyOf,
  type LedgerChange,
  type LedgerContents,
  type LedgerWrite,
  type Setting,
  writesOf,
} from '../../src/store/ledger-write.js'
import type { FaultInjector } from './fault-injector.js'
import { KeptEvents } from './kept-events.js'

type Rows = Map<string, Extract<LedgerWrite, { put: string }>>
type Put<Noun> = Extract<LedgerWrite, { put: Noun }>

/** The rows that would be on disk. They outlive the daemon: each of its lives connects anew. */
export class FakeDatabase {
  readonly #rows: Rows = new Map()
  #copy: Rows = new Map()
  #copiedEventId = 0
  readonly events = new KeptEvents()
  /** Like a disk without space: nothing is kept, and whoever asked is told. */
  isFull = false
  /** Why it cannot be used, for lives to come: they read the newest backup. */
  damage: ConvoyError | undefined

  /** The database as one life of the daemon sees it. Its commits are steps. */
  connect(faults: FaultInjector): Database {
    let { damage } = this
    const replace = (contents: LedgerContents) =>
      faults.atomicStep('replace database', () => {
        damage = undefined
        this.damage = undefined
        this.wipe()
        for (const write of writesOf(contents)) this.#apply(write)
      })
    return {
      get degradation() {
        return damage === undefined ? undefined : { reason: damage, replace }
      },
      commit: async (changes) => {
        if (damage !== undefined) return changes.map(() => damage)
        const name = `commit ${changes.map(({ step }) => step).join('+')}`
        try {
          return await faults.atomicStep(name, () => this.#commit(changes))
        } catch (thrown) {
          const error = new ConvoyError('unavailable', 'the database did not take the change', { cause: thrown })
          return changes.map(() => error)
        }
      },
      // Reading is no step: how often somebody watches says nothing.
      readEvents: async (query) => {
        if (damage !== undefined) throw damage
        return this.events.read(query)
      },
      pruneEvents: (pruning) => faults.step('prune events', () => this.events.prune(pruning)),
      backup: () =>
        faults.step('backup', () => {
          this.#copy = structuredClone(this.#rows)
          this.#copiedEventId = this.events.newestId
          return '/backups/newest'
        }),
      describe: async () => {
        if (damage !== undefined) throw damage
        return {
          schemaVersion: 1,
          schema: ['CREATE TABLE volumes (name TEXT)'],
          rows: { volumes: this.#all('volume').length },
        }
      },
      close: async () => undefined,
    }
  }

  /** What a new life reads at start. */
  contents(): LedgerContents {
    return {
      volumes: this.#all('volume').map(({ row }) => row),
      mounts: this.#all('mount').map(({ row }) => row),
      trash: this.#all('trash').map(({ row }) => row),
      jobs: this.#all('job').map(({ row }) => row),
      journals: this.#all('journal').map(({ id, notes }) => [id, notes] as const),
      settings: this.#all('setting').map(({ key, value }): readonly [Setting, string] => [key, value]),
      lastEventId: this.damage === undefined ? this.events.newestId : this.#copiedEventId,
    }
  }

  /** As if the file had been lost. */
  wipe(): void {
    this.#rows.clear()
    this.events.clear()
  }

  #commit(changes: readonly LedgerChange[]): readonly (ConvoyError | undefined)[] {
    if (this.isFull) return changes.map(() => new ConvoyError('unavailable', 'the disk of the database is full'))
    for (const { writes } of changes) for (const write of writes) this.#apply(write)
    return changes.map(() => undefined)
  }

  #apply(write: LedgerWrite): void {
    // What is on disk does not change when somebody changes the object it came from.
    if (isEvent(write)) this.events.put(write.row)
    else if ('put' in write) this.#rows.set(keyOf(write), structuredClone(write))
    else this.#rows.delete(keyOf(write))
  }

  #all<Noun extends string>(noun: Noun): Put<Noun>[] {
    const rows = this.damage === undefined ? this.#rows : this.#copy
    return [...rows.values()].filter((write): write is Put<Noun> => write.put === noun)
  }
}
