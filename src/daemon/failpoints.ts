import type { Driver } from '../drivers/driver.js'
import type { Database } from '../store/ledger-write.js'

/**
 * Named points at which the daemon kills itself, for tests that must know what a crash there leaves: set CONVOY_FAILPOINT to
 * one of
 * - `before:store.STEP`, `after:store.STEP` with STEP a LedgerStep: around the commit that makes the step durable;
 * - `before:driver.METHOD`, `after:driver.METHOD` with METHOD create, attach, detach, retire, revive or remove.
 * Nothing of this is in the way without the variable.
 */
export class Failpoints {
  readonly #name: string | undefined

  constructor(name: string | undefined) {
    this.#name = name
  }

  database(database: Database): Database {
    if (this.#name === undefined) return database
    return {
      commit: async (changes) => {
        for (const { step } of changes) this.#reach(`before:store.${step}`)
        const outcomes = await database.commit(changes)
        for (const { step } of changes) this.#reach(`after:store.${step}`)
        return outcomes
      },
      readEvents: (query) => database.readEvents(query),
      pruneEvents: (pruning) => database.pruneEvents(pruning),
      backup: (now) => database.backup(now),
      describe: () => database.describe(),
      close: () => database.close(),
    }
  }

  driver(driver: Driver): Driver {
    if (this.#name === undefined) return driver
    const reach = (point: string) => this.#reach(point)
    return new Proxy(driver, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function' || typeof property !== 'string') return value
        const method = value.bind(target) as (...args: unknown[]) => unknown
        if (!killable.has(property)) return method
        return async (...args: unknown[]) => {
          reach(`before:driver.${property}`)
          const result = await method(...args)
          reach(`after:driver.${property}`)
          return result
        }
      },
    })
  }

  #reach(point: string): void {
    if (point === this.#name) process.kill(process.pid, 'SIGKILL')
  }
}

const killable: ReadonlySet<string> = new Set(['create', 'attach', 'detach', 'retire', 'revive', 'remove'])
