import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Core } from '../core/core.js'
import type { CallContext, Logger } from '../model/call-context.js'
import type { Ledger } from '../store/ledger.js'
import type { Notifying } from './notifying.js'

const reconcileEveryMs = 30_000
/** A storage that is late is read soon after it has come. */
const discoverEveryMs = 5000
const sweepEveryMs = 60_000
const pruneEventsEveryMs = 60_000
const measureEveryMs = 30_000
const lookForSpaceEveryMs = 60_000
const lookForLostDisksEveryMs = 5000
const backupEveryMs = 60 * 60_000

interface UpkeepDeps {
  readonly core: Core
  readonly ledger: Ledger
  readonly notifying: Pick<Notifying, 'savePositions'>
  readonly log: Logger
}

/** What the daemon does by itself, beside answering: first what the last one left, then what has to be done now and again. */
export class Upkeep {
  readonly #deps: UpkeepDeps
  readonly #stopped = new AbortController()
  readonly #timers: NodeJS.Timeout[] = []
  #running = new Set<Promise<void>>()
  #backedUpRevision = -1

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
  }

  start(): void {
    this.#run('recovery', (call) => this.#recover(call))
    const reconcile = this.#every(reconcileEveryMs, 'reconciliation', (call) => this.#reconcile(call))
    this.#deps.core.reconciliation.onEpoch(reconcile)
    this.#every(discoverEveryMs, 'discovery', (call) => this.#deps.core.discovery.runDue(call))
    this.#every(sweepEveryMs, 'trash', (call) => this.#sweep(call))
    this.#every(pruneEventsEveryMs, 'events', () => this.#prune())
    this.#every(lookForSpaceEveryMs, 'space', (call) => this.#deps.core.capacity.run(call))
    this.#every(measureEveryMs, 'sizes', (call) => this.#measure(call))
    this.#every(lookForLostDisksEveryMs, 'lost disks', () => this.#deps.core.lostDisks.run())
    this.#every(backupEveryMs, 'backup', () => this.#backUp())
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    for (const timer of this.#timers) clearInterval(timer)
    await Promise.all(this.#running)
  }

  async #recover(call: CallContext): Promise<void> {
    const { core } = this.#deps
    await core.recovery.resumeAll(call)
    await core.discovery.run(call)
    await core.recovery.reportUnknownMounts()
    core.jobs.resume()
    await core.trash.sweep(call)
    await this.#reconcile(call)
    await core.capacity.run(call)
    await this.#prune()
    await this.#backUp()
    collectGarbage()
  }

  async #reconcile(call: CallContext): Promise<void> {
    const { core } = this.#deps
    await core.recovery.resumeAll(call)
    await core.reconciliation.run(call)
    // May wait for Docker, and long.
    this.#run('revival', (ofRevival) => core.revival.run(ofRevival))
  }

  async #sweep(call: CallContext): Promise<void> {
    const { core } = this.#deps
    await core.trash.sweep(call)
    await core.volumes.leaveUnusedStorages(call)
  }

  /** Not awaited: a storage that hangs would keep the others from being measured. */
  #measure(call: CallContext): Promise<void> {
    void this.#deps.core.measurements.run(call)
    return Promise.resolve()
  }

  #prune(): Promise<void> {
    const { core, notifying } = this.#deps
    notifying.savePositions()
    return core.events.prune()
  }

  async #backUp(): Promise<void> {
    const { ledger } = this.#deps
    if (ledger.revision === this.#backedUpRevision) return
    const { revision } = ledger
    await ledger.backup(new Date())
    this.#backedUpRevision = revision
  }

  /** Acts now and again, never twice at once; the result acts at once. */
  #every(intervalMs: number, what: string, act: (call: CallContext) => Promise<void>): () => void {
    let isRunning = false
    const once = async (call: CallContext) => {
      if (isRunning) return
      isRunning = true
      await act(call).finally(() => (isRunning = false))
    }
    const run = () => this.#run(what, once)
    this.#timers.push(setInterval(run, intervalMs))
    return run
  }

  #run(what: string, act: (call: CallContext) => Promise<void>): void {
    const { log } = this.#deps
    const { signal } = this.#stopped
    if (signal.aborted) return
    const running = act({ signal, log })
      .catch((thrown: unknown) => log.warn({ err: thrown, what }, 'upkeep failed: tried again later'))
      .finally(() => this.#running.delete(running))
    this.#running.add(running)
  }
}

/** Starting reads everything once; nobody collects what that left behind in a process that is idle from then on. */
function collectGarbage(): void {
  setFlagsFromString('--expose-gc')
  // V8's own function, which the flag has just made.
  const collect = runInNewContext('gc') as () => void
  collect()
}
