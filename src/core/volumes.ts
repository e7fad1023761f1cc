import { randomBytes } from 'node:crypto'
import type { Driver } from '../drivers/driver.js'
import { ConvoyError, isConvoyError } from '../errors.js'
import { pause } from '../host/clock.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { type Attributes, isListed, type Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import { parseVolumeName } from '../model/volume-name.js'
import type { CoreDeps } from './core-deps.js'
import { undoing } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Measurement, Measurements } from './measurements.js'
import type { Resumption } from './resumption.js'
import { type ParsedVolumeOptions, parseVolumeOptions, refuseOtherOptions } from './volume-options.js'
import { completed, createdEvent, createRequest } from './volume-transitions.js'

/** Docker asks again what it asked first, and has asked nothing else meanwhile. */
const longestLookMs = 10_000
/** A share may have to be mounted before it can be read. */
const longestCreateWaitMs = 45_000

interface Parts {
  readonly resumption: Resumption
  readonly holding: Holding
  readonly measurements: Measurements
}

/** Which volumes there are, and how one comes to be. */
export class Volumes {
  readonly #deps: CoreDeps
  readonly #resumption: Resumption
  readonly #holding: Holding
  readonly #measurements: Measurements
  #isComplete: boolean
  readonly #completed = new AbortController()

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#resumption = parts.resumption
    this.#holding = parts.holding
    this.#measurements = parts.measurements
    this.#isComplete = deps.ledger.setting('discovered') === 'yes'
  }

  /** A name that is missing is known to be absent: false while the ledger is rebuilt, or read from an old copy. */
  get isComplete(): boolean {
    return this.#isComplete
  }

  set isComplete(isComplete: boolean) {
    this.#isComplete = isComplete
    if (isComplete) this.#completed.abort()
  }

  /** Why no volume can be changed now, and what mends it; absent when all is well. */
  get degraded(): ConvoyError | undefined {
    return this.#deps.ledger.degraded
  }

  /** The volume that Docker sees under this name, from memory. */
  find(name: VolumeName): Volume | undefined {
    const volume = this.#deps.ledger.volumes.get(name)
    return volume !== undefined && isListed(volume) ? volume : undefined
  }

  /** ConvoyError `not-found` when there is certainly no such volume, `unavailable` when that cannot be known yet. */
  get(name: VolumeName): Volume {
    const volume = this.find(name)
    if (volume !== undefined) return volume
    if (this.#isComplete && !this.mayCome(name)) throw new ConvoyError('not-found', `no such volume: ${name}`)
    throw new ConvoyError('unavailable', `convoy does not know yet whether there is a volume "${name}"`, {
      hint: this.degraded?.sentence ?? 'it is still reading its storage: try again in a moment',
    })
  }

  /**
   * Like {@link get}, but gives what cannot be known yet a little time to become known: hanging up costs Docker 15 s. Waits for
   * the first reading of the storage, and carries on what an earlier daemon left on this name.
   */
  async getSettled(name: VolumeName, call: CallContext): Promise<Volume> {
    const known = this.find(name)
    if (known !== undefined) return known
    await this.#untilComplete(call.signal, longestLookMs)
    if (this.mayCome(name)) await this.#deps.locks.run(name, call.signal, () => this.#resumption.resume(name, call))
    return this.get(name)
  }

  /** Resolves when every driver has been asked for its volumes, or when that takes too long or will never be. */
  async #untilComplete(signal: AbortSignal, longestMs: number): Promise<void> {
    if (this.#isComplete || this.degraded !== undefined) return
    await pause(longestMs, signal, this.#completed.signal)
  }

  /** Whether the volume is being made or taken back: perhaps by an earlier daemon, which may have said that it was done. */
  mayCome(name: VolumeName): boolean {
    const state = this.#deps.ledger.volumes.get(name)?.state
    return state === 'creating' || state === 'reviving' || state === 'undeleting' || state === 'renaming'
  }

  /** All volumes that Docker sees, by name. */
  list(): readonly Volume[] {
    return [...this.#deps.ledger.volumes.values()].filter(isListed)
  }

  /** Volumes that `docker volume rm` has put out of sight, with their data. */
  listForgotten(): readonly Volume[] {
    return [...this.#deps.ledger.volumes.values()].filter(({ state }) => state === 'forgotten')
  }

  /** Grows with every change that a reader could see. */
  get revision(): number {
    return this.#deps.ledger.revision
  }

  /** What the volume's driver says of it, without asking the storage. Nothing of a driver that does not run or fails. */
  async inspect(volume: Volume, call: CallContext): Promise<Attributes> {
    try {
      const driver = this.#deps.drivers.get(volume.driver)
      const limit = volume.sizeBytes === undefined ? 'none' : await driver.limitOf(volume)
      const info = { ...(await driver.inspect(volume, call)), SizeLimit: limit, ...driver.remarks(volume) }
      const measured = this.#measurements.of(volume)
      if (measured === undefined) return info
      return { ...info, Used: String(measured.usedBytes), UsedMeasuredAt: measured.measuredAt }
    } catch (thrown) {
      call.log.warn({ volume: volume.name, err: thrown }, 'a driver cannot say anything of its volume')
      return {}
    }
  }

  /** What the volume takes on its storage now; asks the storage. */
  usage(volume: Volume, call: CallContext): Promise<Measurement> {
    return this.#measurements.measure(volume, call)
  }

  /** What its driver wants people to know who use it, from memory. */
  remarks(volume: Volume): Attributes {
    return this.#deps.drivers.find(volume.driver)?.remarks(volume) ?? {}
  }

  /** A storage that the last volume has left is not kept mounted. Not before all are known: then the last may not be the last. */
  async leaveUnusedStorages(call: CallContext): Promise<void> {
    if (!this.#isComplete || this.degraded !== undefined) return
    const { drivers, ledger } = this.#deps
    const all = [...ledger.volumes.values(), ...ledger.trash.values()]
    for (const driver of drivers.all) {
      await driver.leaveUnused(
        all.filter((volume) => volume.driver === driver.name),
        call,
      )
    }
  }

  /** What the drivers that run are and can; the first is the default. */
  listDrivers(): readonly Pick<Driver, 'name' | 'attachMode' | 'volumeOptions' | 'describe'>[] {
    return this.#deps.drivers.all
  }

  /**
   * Makes the volume. One that exists already with these options is returned as it is; a forgotten one is taken back with its
   * data. Without a name it gets a generated one.
   */
  async create(name: VolumeName | undefined, options: Attributes, call: CallContext): Promise<Volume> {
    const chosen = name ?? parseVolumeName(`volume-${randomBytes(8).toString('hex')}`)
    const { drivers, policy } = this.#deps
    const parse = () => parseVolumeOptions(drivers, policy.profiles, options)
    // Profiles are for volumes to come: one that exists may have been made with a profile that is gone.
    const parsed = options['profile'] === undefined ? parse() : undefined
    await this.#untilComplete(call.signal, longestCreateWaitMs)
    return this.#deps.locks.run(chosen, call.signal, async () => {
      const existing = await this.#resumption.resume(chosen, call)
      if (existing !== undefined) refuseOtherOptions(existing, options)
      const volume = existing?.state === 'forgotten' ? await this.#revive(existing, call) : existing
      return volume ?? this.#createNew(chosen, parsed ?? parse(), call)
    })
  }

  /** Takes back a forgotten volume with its data. ConvoyError `not-found` when there is none by now. */
  takeBack(name: VolumeName, call: CallContext): Promise<Volume> {
    return this.#deps.locks.run(name, call.signal, async () => {
      const existing = await this.#resumption.resume(name, call)
      const volume = existing?.state === 'forgotten' ? await this.#revive(existing, call) : existing
      return volume ?? this.get(name)
    })
  }

  async #createNew(
    name: VolumeName,
    { driver, onRemove, options }: ParsedVolumeOptions,
    call: CallContext,
  ): Promise<Volume> {
    if (!this.#isComplete) this.get(name)
    const { ledger, now, newId } = this.#deps
    const intent: Volume = {
      name,
      id: newId(),
      attributes: {},
      driver: driver.name,
      state: 'creating',
      createdAt: now().toISOString(),
      options,
      origin: 'created',
      ...optional('onRemove', onRemove),
    }
    await ledger.commit('create-intent', { put: 'volume', row: intent })
    try {
      const created = await driver.create(createRequest(intent), driverCall(ledger, intent.id, call))
      const volume = completed(intent, created)
      ledger.commitLater('create-done', { put: 'volume', row: volume }, createdEvent(this.#deps, volume))
      if (volume.id === intent.id) this.#holding.noteCreated(volume)
      return volume
    } catch (thrown) {
      await this.#undoCreate(intent, undoing(call))
      throw thrown
    }
  }

  /** Nothing of a failed create may be visible: what the driver made goes to the trash, to be removed at once. */
  async #undoCreate(intent: Volume, call: CallContext): Promise<void> {
    const { ledger, drivers, now } = this.#deps
    try {
      const retire = drivers.get(intent.driver).retire(intent, 'trashed', driverCall(ledger, intent.id, call))
      const handle = await retire.catch((thrown: unknown) => {
        if (isConvoyError(thrown, 'not-found')) return undefined
        throw thrown
      })
      const forget = { remove: 'volume', name: intent.name } as const
      if (handle === undefined) {
        await ledger.commit('create-undone', forget, { remove: 'journal', id: intent.id })
        return
      }
      const at = now().toISOString()
      const { state, origin, ...kept } = intent
      const row = { ...kept, ...handle, state: 'trashed', trashedAt: at, expiresAt: at } as const
      const event = volumeEvent(this.#deps, 'volume.trash', row, { reason: 'create-failed' })
      await ledger.commit('create-undone', forget, { put: 'trash', row }, event)
    } catch (thrown) {
      call.log.warn({ volume: intent.name, err: thrown }, 'a failed create could not be undone: retried later')
    }
  }

  /** None when the storage holds it no longer. */
  async #revive(forgotten: Volume, call: CallContext): Promise<Volume | undefined> {
    const { name } = forgotten
    await this.#deps.ledger.commit('create-intent', { put: 'volume', row: { ...forgotten, state: 'reviving' } })
    try {
      const volume = await this.#resumption.resume(name, call)
      if (volume !== undefined) call.log.info({ volume: name }, 'took back a forgotten volume with its data')
      return volume
    } catch (thrown) {
      await this.#undoRevive(forgotten, undoing(call))
      throw thrown
    }
  }

  async #undoRevive(forgotten: Volume, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    try {
      const journaled = driverCall(ledger, forgotten.id, call)
      const handle = await drivers.get(forgotten.driver).retire(forgotten, 'forgotten', journaled)
      await ledger.commit('create-undone', { put: 'volume', row: { ...forgotten, ...handle } })
    } catch (thrown) {
      call.log.warn({ volume: forgotten.name, err: thrown }, 'a failed take-back could not be undone: retried later')
    }
  }
}
