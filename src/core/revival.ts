import pRetry from 'p-retry'
import { ConvoyError, isConvoyError, toConvoyError } from '../errors.js'
import type { StoppedContainer } from '../host/docker-engine.js'
import type { CallContext } from '../model/call-context.js'
import { isVolumeName } from '../model/volume-name.js'
import type { CoreDeps } from './core-deps.js'
import type { DriverAvailability } from './driver-availability.js'
import type { Events } from './events.js'

const mostAtOnce = 4
/** How long Docker and the storage are waited for: half an hour, besides the time that they take to answer. */
const patience = { retries: 64, minTimeout: 200, maxTimeout: 30_000 }
/** Docker 29 gives up a start whose caller goes. */
const leaveMs = 10_000

interface Parts {
  readonly events: Events
  readonly availability: DriverAvailability
}

/**
 * Starts the containers that Docker gave up because a mount failed: it never tries again by itself. Once in a life of the daemon,
 * which is after each time that Docker found no plugin. A restart of Docker alone needs nothing of this: Docker then starts, on a
 * plugin that answers, all that its restart policies want.
 */
export class Revival {
  readonly #deps: CoreDeps
  readonly #events: Events
  readonly #availability: DriverAvailability
  readonly #tried = new Set<string>()
  #hasBegun = false

  constructor(deps: CoreDeps, { events, availability }: Parts) {
    this.#deps = deps
    this.#events = events
    this.#availability = availability
  }

  /** Waits for Docker and the storage. Does nothing when it is not wanted, or has begun before. Never rejects. */
  async run(call: CallContext): Promise<void> {
    const { policy, mountRefusal } = this.#deps
    if (this.#hasBegun || !policy.reviveContainers || mountRefusal !== undefined) return
    this.#hasBegun = true
    try {
      await pRetry(() => this.#startThoseThatCan(call), { ...patience, signal: call.signal })
    } catch (thrown) {
      if (!call.signal.aborted) call.log.warn({ err: thrown }, 'no more containers are started again')
    }
  }

  /** ConvoyError `unavailable` when there may be more later. */
  async #startThoseThatCan(call: CallContext): Promise<void> {
    if (!this.#deps.policy.reviveContainers) return
    const left = (await this.#deps.failedContainers.list()).filter(({ id }) => !this.#tried.has(id))
    const ready = left.filter((container) => this.#isStorageThere(container))
    const isDockerThere = await this.#startAll(ready, call)
    if (!isDockerThere) throw new ConvoyError('unavailable', 'Docker went away while containers were started again')
    if (ready.length === left.length) return
    const names = left.filter((one) => !ready.includes(one)).map(({ name }) => name)
    throw new ConvoyError('unavailable', `the storage of these containers is not there: ${names.join(', ')}`)
  }

  #isStorageThere({ volumes }: StoppedContainer): boolean {
    const { ledger, drivers } = this.#deps
    const known = volumes.flatMap(({ name }) => (isVolumeName(name) ? (ledger.volumes.get(name) ?? []) : []))
    return !known.some((one) => {
      const driver = drivers.find(one.driver)
      return this.#availability.isAway(one.driver, driver?.storageOf(one))
    })
  }

  /** False when Docker went away. */
  async #startAll(containers: readonly StoppedContainer[], call: CallContext): Promise<boolean> {
    const queue = [...containers]
    let isDockerThere = true
    const work = async () => {
      while (isDockerThere && !call.signal.aborted) {
        const next = queue.shift()
        if (next === undefined) return
        if (!(await this.#start(next, call))) isDockerThere = false
      }
    }
    await Promise.all(Array.from({ length: mostAtOnce }, work))
    return isDockerThere
  }

  /** False when Docker went away, which is no failure of the container: Docker tries it when it comes back. */
  async #start({ id, name }: StoppedContainer, call: CallContext): Promise<boolean> {
    const { failedContainers } = this.#deps
    this.#tried.add(id)
    try {
      await orLeft(failedContainers.start(id), call.signal)
      this.#events.note('container.revive', { container: name })
      call.log.info({ container: name }, 'started a container that a failed mount had left behind')
      return true
    } catch (thrown) {
      // Removed since it was listed, or left under way.
      if (isConvoyError(thrown, 'not-found') || call.signal.aborted) return true
      if (!(await failedContainers.isDockerThere())) return false
      this.#events.note('container.revive.fail', { container: name, error: toConvoyError(thrown).sentence })
      call.log.warn({ container: name, err: thrown }, 'a container does not start again: it is left as it is')
      return true
    }
  }
}

/** A daemon that stops waits a moment for what is under way. */
async function orLeft(starting: Promise<void>, signal: AbortSignal): Promise<void> {
  const ended = new AbortController()
  const left = new Promise<never>((_, reject) => {
    const leave = () => {
      AbortSignal.timeout(leaveMs).addEventListener('abort', () => reject(toConvoyError(signal.reason)))
    }
    signal.addEventListener('abort', leave, { once: true, signal: ended.signal })
  })
  await Promise.race([starting, left]).finally(() => ended.abort())
}
