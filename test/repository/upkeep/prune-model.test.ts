import assert from 'node:assert/strict'
import t from 'tap'
import { isConvoyError } from '../../../src/errors.js'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { numbersOf } from '../tiny-numbers.js'
import { TinyScheduler } from './tiny-scheduler.js'
import { assertTidy, pass, readEverything, TinyHost } from '../tiny-world.js'
import { WholeCheck } from '../whole-check.js'

const words = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
const scenarios = 60

/** Hosts that back up, delete and prune at the same time, are killed, fall asleep for long and wake up again. */
class Scenario {
  readonly #bucket = new MemoryBucket()
  readonly #choose: (count: number) => number
  readonly #scheduler: TinyScheduler
  readonly #committed = new Set<string>()
  readonly #deleted = new Set<string>()
  readonly #failures: unknown[] = []
  #made = 0

  constructor(seed: number) {
    this.#choose = numbersOf(seed)
    this.#scheduler = new TinyScheduler(this.#bucket, this.#choose)
  }

  async run(): Promise<void> {
    const first = await TinyHost.start(this.#bucket)
    for (let count = 0; count < 3; count++) await this.#backUp(first)
    const check = new WholeCheck(this.#bucket, first.repository)
    this.#startAll()
    await this.#scheduler.run(async (step) => {
      if (!/^(remove (data|meta|index)|put backups)/.test(step)) return
      const broken = await check.findBroken()
      if (broken !== undefined) throw new Error(`after "${step}": ${broken}\n${this.#scheduler.log.join('\n')}`)
    })
    assert.deepEqual(this.#failures, [])
    await this.#end()
  }

  async #end(): Promise<void> {
    await pass(this.#bucket, 60 * 60_000)
    const last = await TinyHost.start(this.#bucket)
    await last.prune()
    await last.prune()
    const listed = new Set((await readEverything(this.#bucket)).map(({ name }) => name))
    for (const name of this.#committed) assert.ok(listed.has(name) || this.#deleted.has(name), `${name} has gone`)
    await assertTidy(this.#bucket)
  }

  #startAll(): void {
    const acts: Readonly<Record<string, (host: TinyHost) => Promise<unknown>>> = {
      backup: (host) => this.#backUp(host),
      prune: async (host) => {
        await host.prune()
        await host.prune()
      },
      delete: (host) => this.#delete(host),
    }
    for (const [count, what] of ['backup', 'prune', 'delete', 'backup', 'prune', 'backup', 'delete'].entries())
      this.#scheduler.start(`${what} ${count}`, acts[what]!, (thrown) => {
        if (!isConvoyError(thrown, 'unavailable') && !isConvoyError(thrown, 'in-use')) this.#failures.push(thrown)
      })
  }

  async #backUp(host: TinyHost): Promise<void> {
    const name = `backup-${String(this.#made++).padStart(16, '0')}`
    const contents = words.filter(() => this.#choose(2) === 0).map((word) => word.repeat(50))
    await host.backUp({ volume: 'db1', name, contents })
    this.#committed.add(name)
  }

  async #delete(host: TinyHost): Promise<void> {
    for await (const { volume, name } of host.repository.listBackups(host.call)) {
      if (this.#choose(2) === 0) continue
      this.#deleted.add(name)
      await deleteBackup(host.repository, { volume, name }, host.call)
    }
  }
}

t.test('whatever many hosts do at once, every backup that is listed is whole, and nothing else is kept', async (t) => {
  for (let seed = 1; seed <= scenarios; seed++) {
    try {
      await new Scenario(seed).run()
    } catch (thrown) {
      t.fail(`scenario ${seed}: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`)
      return
    }
  }
  t.pass(`${scenarios} scenarios`)
})
