import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Volume } from '../model/volume.js'
import type { VolumeName } from '../model/volume-name.js'
import { type CoreDeps, undoing } from './core-deps.js'
import { driverCall } from './driver-call.js'
import { volumeEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Resumption } from './resumption.js'
import type { Volumes } from './volumes.js'

interface Parts {
  readonly volumes: Volumes
  readonly resumption: Resumption
  readonly holding: Holding
}

/**
 * A volume under another name, or with another size. To rename it the storage moves it to the trash and takes it out again:
 * both can be repeated.
 */
export class Alteration {
  readonly #deps: CoreDeps
  readonly #parts: Parts

  constructor(deps: CoreDeps, parts: Parts) {
    this.#deps = deps
    this.#parts = parts
  }

  /** ConvoyError `in-use` while anybody holds it, or a container names it; `already-exists` when the new name is taken. */
  async rename(name: VolumeName, newName: VolumeName, call: CallContext): Promise<Volume> {
    const { containers, locks } = this.#deps
    if (name === newName) return this.#parts.volumes.getSettled(name, call)
    const isNamed = await containers.isNamed(name)
    return locks.runAll([name, newName], call.signal, async () => {
      const volume = await this.#renamable(name, newName, call)
      if (isNamed === true) throw namedByContainer(name)
      return this.#rename(volume, newName, call)
    })
  }

  /** Also while it is mounted. ConvoyError `unsupported` and `invalid-argument` as its driver says. */
  async resize(name: VolumeName, sizeBytes: number, call: CallContext): Promise<Volume> {
    const { ledger, locks } = this.#deps
    const { volumes, resumption } = this.#parts
    return locks.run(name, call.signal, async () => {
      const volume = await resumption.resume(name, call)
      if (volume === undefined || volume.state === 'forgotten') return volumes.get(name)
      const intent: Volume = { ...volume, resizeTo: sizeBytes }
      await ledger.commit('resize-intent', { put: 'volume', row: intent })
      try {
        return await this.#completeResize(intent, sizeBytes, call)
      } catch (thrown) {
        await this.#undoResize(volume, thrown, undoing(call))
        throw thrown
      }
    })
  }

  async #renamable(name: VolumeName, newName: VolumeName, call: CallContext): Promise<Volume> {
    const { volumes, resumption, holding } = this.#parts
    if (!volumes.isComplete) volumes.get(name)
    const volume = await resumption.resume(name, call)
    if (volume === undefined || volume.state === 'forgotten') return volumes.get(name)
    const other = await resumption.resume(newName, call)
    if (other !== undefined) throw taken(other)
    if (volume.origin === 'adopted') {
      throw new ConvoyError('unsupported', `volume "${name}" was there before convoy: it keeps its name`)
    }
    holding.refuseReferenced(volume)
    await holding.refuseHeld(volume)
    if (volume.state === 'ready') return volume
    throw new ConvoyError('in-use', `volume "${name}" is attached`, { hint: 'it is detached soon: try again' })
  }

  async #rename(volume: Volume, renameTo: VolumeName, call: CallContext): Promise<Volume> {
    const { ledger } = this.#deps
    const intent: Volume = { ...volume, state: 'renaming', renameTo }
    await ledger.commit('rename-intent', { put: 'volume', row: intent })
    try {
      return await this.#completeRename(intent, renameTo, call)
    } catch (thrown) {
      await this.#undoRename(intent, undoing(call))
      throw thrown
    }
  }

  /** Carries on what a crash cut short. The caller holds the locks of both names. Undone when the new name is taken by now. */
  async finishRename(name: VolumeName, call: CallContext): Promise<void> {
    const volume = this.#deps.ledger.volumes.get(name)
    if (volume?.state !== 'renaming' || volume.renameTo === undefined) return
    try {
      if (this.#deps.ledger.volumes.has(volume.renameTo)) throw new ConvoyError('already-exists', 'the name is taken')
      await this.#completeRename(volume, volume.renameTo, call)
    } catch (thrown) {
      if (!isConvoyError(thrown, 'already-exists')) throw thrown
      await this.#undoRename(volume, call)
    }
  }

  /** Carries on what a crash cut short. The caller holds the lock. */
  async finishResize(name: VolumeName, call: CallContext): Promise<void> {
    const volume = this.#deps.ledger.volumes.get(name)
    if (volume?.resizeTo === undefined) return
    try {
      await this.#completeResize(volume, volume.resizeTo, call)
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown
      const { resizeTo, ...unchanged } = volume
      this.#deps.ledger.commitLater('resize-undone', { put: 'volume', row: unchanged })
    }
  }

  async #completeResize(intent: Volume, sizeBytes: number, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    const { resizeTo, ...volume } = intent
    const journaled = driverCall(ledger, volume.id, call)
    const handle = await drivers.get(volume.driver).resize(volume, sizeBytes, journaled)
    const resized: Volume = { ...volume, ...handle, sizeBytes }
    const event = volumeEvent(this.#deps, 'volume.resize', resized, { sizeBytes })
    ledger.commitLater('resize-done', { put: 'volume', row: resized }, event)
    return resized
  }

  /** One that had no size keeps the intent when the driver may have done something: it is carried on later. */
  async #undoResize(volume: Volume, thrown: unknown, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    const { sizeBytes } = volume
    try {
      if (!isRefusal(thrown)) {
        if (sizeBytes === undefined) return
        await drivers.get(volume.driver).resize(volume, sizeBytes, driverCall(ledger, volume.id, call))
      }
      await ledger.commit('resize-undone', { put: 'volume', row: volume })
    } catch (failure) {
      call.log.warn({ volume: volume.name, err: failure }, 'a failed resize could not be undone: retried later')
    }
  }

  async #completeRename(intent: Volume, newName: VolumeName, call: CallContext): Promise<Volume> {
    const { ledger, drivers } = this.#deps
    const driver = drivers.get(intent.driver)
    const journaled = driverCall(ledger, intent.id, call)
    const { renameTo, ...volume } = intent
    // An earlier life may have come further: then there is nothing of the old name to retire.
    const trashed = await driver.retire(volume, 'trashed', journaled).catch((thrown: unknown) => {
      if (isConvoyError(thrown, 'not-found')) return volume
      throw thrown
    })
    const handle = await driver.revive({ ...volume, ...trashed }, newName, journaled)
    const renamed: Volume = { ...volume, ...handle, state: 'ready' }
    this.#parts.holding.noteMounted(volume)
    const event = volumeEvent(this.#deps, 'volume.rename', renamed, { from: volume.name })
    const forget = { remove: 'volume', name: volume.name } as const
    ledger.commitLater('rename-done', forget, { put: 'volume', row: renamed }, event)
    return renamed
  }

  async #undoRename(intent: Volume, call: CallContext): Promise<void> {
    const { ledger, drivers } = this.#deps
    const { renameTo, ...volume } = intent
    try {
      const journaled = driverCall(ledger, volume.id, call)
      const handle = await drivers.get(volume.driver).revive(volume, volume.name, journaled)
      await ledger.commit('rename-undone', { put: 'volume', row: { ...volume, ...handle, state: 'ready' } })
    } catch (thrown) {
      call.log.warn({ volume: volume.name, err: thrown }, 'a failed rename could not be undone: retried later')
    }
  }
}

/** Of a resize: the driver has not begun. */
const isRefusal = (thrown: unknown) => isConvoyError(thrown, 'unsupported') || isConvoyError(thrown, 'invalid-argument')

function taken({ name, state }: Volume): ConvoyError {
  const hint =
    state === 'forgotten' ? `a forgotten volume has it: convoy delete ${name}, or take it back` : 'choose another'
  return new ConvoyError('already-exists', `there is a volume "${name}" already`, { hint })
}

function namedByContainer(name: VolumeName): ConvoyError {
  return new ConvoyError('in-use', `a container of Docker names volume "${name}"`, {
    hint: 'remove the container first: it would get a new, empty volume of the old name',
  })
}
