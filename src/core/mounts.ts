import { join } from 'node:path'
import type { MountSource } from '../drivers/driver.js'
import type { MountHolder } from '../host/mount-holders.js'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { EventReason } from '../model/event.js'
import type { MountId, MountReference } from '../model/mount.js'
import { optional } from '../model/optional.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import type { LedgerStep, LedgerWrite } from '../store/ledger-write.js'
import { type CoreDeps, mountPath, undoing } from './core-deps.js'
import { driverCall } from './driver-call.js'
import type { DriverAvailability } from './driver-availability.js'
import { mountEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Resumption } from './resumption.js'
import { detached } from './volume-transitions.js'
import type { Volumes } from './volumes.js'

export interface VolumeHolding {
  readonly references: readonly (MountReference & { readonly isCurrent: boolean })[]
  /** Names of running containers; absent when Docker cannot be asked. */
  readonly containers?: readonly string[]
  readonly mounts: readonly (MountHolder & { readonly command?: string })[]
}

interface Parts {
  readonly volumes: Volumes
  readonly resumption: Resumption
  readonly holding: Holding
  readonly availability: DriverAvailability
}

/**
 * Who holds which volume. Docker's mount ids are hints: they are counted for each (volume, id), and before anything is
 * unmounted the kernel is asked who still uses it.
 */
export class Mounts {
  readonly #deps: CoreDeps
  readonly #volumes: Volumes
  readonly #resumption: Resumption
  readonly #holding: Holding
  readonly #availability: DriverAvailability

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#volumes = parts.volumes
    this.#resumption = parts.resumption
    this.#holding = parts.holding
    this.#availability = parts.availability
  }

  /** Why nothing can be mounted; absent when all is well. */
  get refusal(): ConvoyError | undefined {
    return this.#deps.mountRefusal
  }

  /** Who holds the volume, by the ledger. */
  referencesTo(name: VolumeName): readonly MountReference[] {
    return [...this.#deps.ledger.mountsOf(name).values()]
  }

  /** All references, by volume. */
  list(): readonly MountReference[] {
    const { ledger } = this.#deps
    return [...ledger.mountedNames].flatMap((name) => [...ledger.mountsOf(name).values()])
  }

  /** Who holds the volume by every account: what Docker told us, what it says of its containers, what the kernel shows. */
  async holders(volume: Volume): Promise<VolumeHolding> {
    const { containers, holders, ledger } = this.#deps
    const [mounts, names] = await Promise.all([this.#holding.of(volume), containers.of(volume.name)])
    return {
      references: this.referencesTo(volume.name).map((one) => ({ ...one, isCurrent: one.epoch === ledger.epoch })),
      ...optional('containers', names),
      mounts: mounts.map((one) => ({ ...one, ...optional('command', holders.commandOf(one.pid)) })),
    }
  }

  /** Makes the volume reachable, counts the id, and resolves to the absolute mountpoint. */
  async mount(name: VolumeName, id: MountId, call: CallContext): Promise<string> {
    if (this.refusal !== undefined) throw this.refusal
    if (this.#volumes.find(name) === undefined) await this.#volumes.getSettled(name, call)
    return this.#deps.locks.run(name, call.signal, async () => {
      const volume = await this.#resume(name, call)
      if (volume === undefined || volume.state === 'forgotten') this.#volumes.get(name)
      if (volume === undefined) throw new ConvoyError('not-found', `no such volume: ${name}`)
      this.#holding.noteMounted(volume)
      const attached = await this.#attach(volume, call)
      const reference = this.#counted(name, id)
      try {
        call.signal.throwIfAborted()
        const event = mountEvent(this.#deps, 'volume.mount', reference, optional('mountpoint', attached.mountpoint))
        await this.#deps.ledger.commit('mount', ...changed(volume, attached), { put: 'mount', row: reference }, event)
      } catch (thrown) {
        if (volume.state === 'ready') await this.#undoAttach(attached, undoing(call))
        throw call.signal.aborted ? gone(name, thrown) : thrown
      }
      return mountpointOf(attached)
    })
  }

  /** For who holds the volume already: nothing is counted, but what went from under the mount is attached and mounted anew. */
  async mountAgain(name: VolumeName, call: CallContext): Promise<string> {
    return this.#deps.locks.run(name, call.signal, async () => {
      const volume = this.#volumes.get(name)
      const attached = await this.#attach(volume, call)
      const writes = changed(volume, attached)
      if (writes.length > 0) await this.#deps.ledger.commit('mount', ...writes)
      return mountpointOf(attached)
    })
  }

  /** Gives one count of the id back; the last one unmounts unless the kernel says that somebody is still there. */
  async unmount(name: VolumeName, id: MountId, call: CallContext): Promise<void> {
    await this.#deps.locks.run(name, call.signal, async () => {
      const reference = this.#deps.ledger.mountsOf(name).get(id)
      if (reference === undefined) {
        call.log.info({ volume: name, mount: id }, 'unmount of an id that holds nothing')
        return
      }
      await this.#giveBack(reference, undefined, call)
    })
  }

  /** Drops references that hold nothing. The caller holds the volume's lock and knows from the kernel that nobody is there. */
  async drop(references: readonly MountReference[], reason: EventReason, call: CallContext): Promise<void> {
    for (const reference of references) await this.#giveBack({ ...reference, count: 1 }, reason, call)
  }

  /** Unmounts and detaches a volume that nobody holds, by the ledger and by the kernel. The caller holds the lock. */
  async release(volume: Volume, call: CallContext, patienceMs?: number): Promise<void> {
    const { ledger } = this.#deps
    if (volume.state !== 'attached' || ledger.mountsOf(volume.name).size > 0) return
    if ((await this.#holding.of(volume)).length > 0) return
    await this.#commitUnmount('unmount-intent', { put: 'volume', row: { ...volume, state: 'detaching' } })
    await this.#resumption.detach({ ...volume, state: 'detaching' }, call, patienceMs)
  }

  /** As {@link release}. A storage that does not let go is nothing that Docker could mend: reconciliation carries on. */
  async #releaseOrLeave(volume: Volume, call: CallContext): Promise<void> {
    try {
      await this.release(volume, call, detachPatienceMs)
    } catch (thrown) {
      if (this.#deps.ledger.volumes.get(volume.name)?.state !== 'detaching') throw thrown
      call.log.warn({ volume: volume.name, err: thrown }, 'unmounted, but not yet detached: tried again later')
    }
  }

  async #attach(volume: Volume, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    const driver = drivers.get(volume.driver)
    const isRecorded = driver.attachment === 'recorded' && volume.state === 'ready'
    const intent: Volume = { ...volume, state: 'attaching' }
    if (isRecorded) await ledger.commit('mount-intent', { put: 'volume', row: intent })
    try {
      const attach = () => driver.attach(volume, driverCall(ledger, volume.id, call))
      const source = await this.#untilAnswered(volume, call, attach)
      return { ...volume, state: 'attached', mountpoint: await this.#mountSource(intent, source, call) }
    } catch (thrown) {
      if (isRecorded) await this.#undoAttach(intent, undoing(call))
      throw thrown
    }
  }

  /** Ends what was cut short, for which the storage may be needed: a detach that it did not answer. */
  async #resume(name: VolumeName, call: CallContext): Promise<Volume | undefined> {
    const volume = this.#deps.ledger.volumes.get(name)
    const resume = () => this.#resumption.resume(name, call)
    return volume?.state === 'detaching' ? this.#untilAnswered(volume, call, resume) : resume()
  }

  async #untilAnswered<T>(volume: Volume, call: CallContext, ask: () => Promise<T>): Promise<T> {
    const storage = this.#deps.drivers.get(volume.driver).storageOf(volume)
    return this.#availability.untilAnswered({ ...volume, storage }, call, ask).catch((thrown: unknown) => {
      throw call.signal.aborted ? gone(volume.name, thrown) : thrown
    })
  }

  async #mountSource(volume: Volume, source: MountSource, call: CallContext): Promise<string> {
    if (source.kind === 'directory') return source.path
    const mountpoint = mountPath(this.#deps.policy, volume.name)
    await this.#deps.mounter.mount({ ...source, mountpoint }, call)
    return join(mountpoint, source.subdirectory)
  }

  /** A reference of an earlier engine life is only a hint: Docker uses its id again after a crash, without an Unmount. */
  #counted(name: VolumeName, id: MountId): MountReference {
    const { ledger, now } = this.#deps
    const before = ledger.mountsOf(name).get(id)
    const count = before?.epoch === ledger.epoch ? before.count + 1 : 1
    return { volume: name, id, count, epoch: ledger.epoch, mountedAt: now().toISOString() }
  }

  /** `reason`: why it ends although nobody has given it back. */
  async #giveBack(reference: MountReference, reason: EventReason | undefined, call: CallContext): Promise<void> {
    const { ledger } = this.#deps
    const { volume: name, id, count, epoch } = reference
    const type = reason === undefined ? 'volume.unmount' : 'volume.mount.drop'
    const eventWith = (left: number) =>
      mountEvent(this.#deps, type, { ...reference, count: left }, optional('reason', reason))
    if (count > 1 && epoch === ledger.epoch) {
      const row = { ...reference, count: count - 1 }
      await this.#commitUnmount('unmount', { put: 'mount', row }, eventWith(row.count))
      return
    }
    const isLast = ledger.mountsOf(name).size === 1
    const volume = ledger.volumes.get(name)
    const ended = [{ remove: 'mount', volume: name, id } as const, eventWith(0)]
    const isStateless = volume?.state === 'attached' && this.#deps.drivers.get(volume.driver).attachment === 'stateless'
    if (isLast && isStateless) await this.#commitUnmount('unmount', ...ended, { put: 'volume', row: detached(volume) })
    else await this.#commitUnmount('unmount', ...ended)
    if (isLast && !isStateless && volume !== undefined) {
      await (reason === undefined ? this.#releaseOrLeave(volume, call) : this.release(volume, call))
    }
    const left = ledger.volumes.get(name)
    if (left?.state === 'ready') this.#holding.noteReleased(left)
  }

  /** A full disk must not keep a volume mounted: losing this is losing an Unmount, which reconciliation mends. */
  async #commitUnmount(step: LedgerStep, ...writes: readonly LedgerWrite[]): Promise<void> {
    const { ledger, log } = this.#deps
    try {
      await ledger.commit(step, ...writes)
    } catch (thrown) {
      log.warn({ err: thrown }, 'an unmount could not be saved: kept in memory until it can')
      ledger.commitLater(step, ...writes)
    }
  }

  async #undoAttach(attached: Volume, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    if (drivers.get(attached.driver).attachment === 'stateless') return
    if (ledger.mountsOf(attached.name).size > 0) return
    try {
      await this.#resumption.detach(attached, call)
    } catch (thrown) {
      call.log.warn({ volume: attached.name, err: thrown }, 'a failed mount could not be undone: retried later')
    }
  }
}

/** So long an unmount waits for the storage to let go, which it may do later as well. */
const detachPatienceMs = 5000

/** The row of a volume that attaching changed; none when it was attached before. */
function changed(before: Volume, after: Volume): readonly LedgerWrite[] {
  const isSame = before.state === after.state && before.mountpoint === after.mountpoint
  return isSame ? [] : [{ put: 'volume', row: after }]
}

function mountpointOf(volume: Volume): string {
  if (volume.mountpoint?.startsWith('/') === true) return volume.mountpoint
  throw new ConvoyError('internal', `volume "${volume.name}" has no mountpoint`)
}

function gone(name: VolumeName, cause: unknown): ConvoyError {
  const { message, hint } = toConvoyError(cause)
  return new ConvoyError('deadline-exceeded', `volume "${name}" could not be made reachable in time: ${message}`, {
    hint: hint ?? 'start the container again once the storage answers',
    cause,
  })
}
