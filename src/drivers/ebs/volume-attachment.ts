import { ConvoyError } from '../../errors.js'
import type { BlockDevice } from '../../host/block-devices.js'
import type { MountEntry } from '../../host/mount-table.js'
import type { VolumeHandle } from '../../model/volume.js'
import type { DriverCall } from '../driver.js'
import { type AttachmentStep, nextAttachmentStep } from './attachment-step.js'
import { DeviceNames, full } from './device-names.js'
import type { EbsDeps } from './ebs-deps.js'
import { nameInstance, volumeIdOf } from './ebs-volume.js'
import type { Ec2Attachment, Ec2Volume, InstanceDevice } from './ec2-api.js'
import { lookEveryMs, lookUntil } from './look-until.js'
import { StoppedHolders } from './stopped-holders.js'
import type { VolumeDisks } from './volume-disks.js'
import { missing, refuseForeign, refuseOtherZone } from './volume-identity.js'

/** A disk that EC2 calls attached is there within a second or two; later it does not come any more. */
const deviceMs = 30_000
/** While EC2 attaches a volume its disk comes, most often, before EC2 has to be asked how far it is. */
const attachingMs = 5000
/** EC2 may not show what was made a moment ago. */
const unseenMs = 15_000

/** A disk that is here, and what of it is mounted in our own namespace. */
export interface AttachedDisk {
  readonly device: BlockDevice
  readonly mount: MountEntry | undefined
}

/** Why the disk is not here, and what whoever waits for it can do. */
interface NotYet {
  readonly why: string
  readonly hint?: string
}

type Outcome = BlockDevice | NotYet

/** A volume on its way, and the call that waits for it. */
interface Way {
  readonly volume: VolumeHandle
  readonly id: string
  readonly call: DriverCall
}

/** Gets volumes onto this instance and off it. Every step goes by what EC2 and the kernel say now, so that any call can be repeated. */
export class VolumeAttachment {
  readonly #deps: EbsDeps
  readonly #names: DeviceNames
  readonly #disks: VolumeDisks
  readonly #stopped: StoppedHolders

  constructor(deps: EbsDeps, disks: VolumeDisks) {
    this.#deps = deps
    this.#names = new DeviceNames(deps)
    this.#disks = disks
    this.#stopped = new StoppedHolders(deps)
  }

  /** The disk of the volume, here. Waits as long as the call may take. */
  async attach(volume: VolumeHandle, call: DriverCall): Promise<AttachedDisk> {
    const id = volumeIdOf(volume)
    // What is mounted stays attached, whatever EC2 says or does not say.
    const mounted = await this.#disks.findMounted(id, call.journal.notes['device'])
    if (mounted !== undefined) return mounted
    const { here, now } = this.#deps
    refuseOtherZone(volume, id, here.zone)
    const way: Way = { volume, id, call }
    for (let last: NotYet = { why: 'EC2 was not asked yet' }; ;) {
      if (call.signal.aborted) throw late(way, last)
      const found = await this.#look(way)
      const outcome = await this.#carryOut(nextAttachmentStep(volume.name, found, here.instanceId, now()), way)
      if (!('why' in outcome)) return { device: outcome, mount: await this.#disks.findMount(outcome) }
      last = outcome
    }
  }

  /** Asks EC2 to detach it, and does not wait until it has. One that is mounted here stays: ConvoyError `in-use`. */
  async detach(volume: VolumeHandle, call: DriverCall): Promise<void> {
    const id = volumeIdOf(volume)
    const { device: name, ...notes } = call.journal.notes
    await this.#refuseHeld(volume, await this.#disks.find(id, name))
    await this.#detachFrom({ volume, id, call }, this.#deps.here.instanceId)
    if (name !== undefined) await call.journal.write(notes)
  }

  /** Core has unmounted it; a container may still have it mounted where nobody else sees that. */
  async #refuseHeld({ name }: VolumeHandle, device: BlockDevice | undefined): Promise<void> {
    const [holder] = device === undefined ? [] : await this.#deps.findHolders(device.number)
    if (device === undefined || holder === undefined) return
    throw new ConvoyError('in-use', `the disk of "${name}" (${device.path}) is mounted: it stays attached`, {
      hint: `process ${holder.pid} has it at ${holder.mountpoint}: end it, or unmount it there`,
    })
  }

  /** ConvoyError `not-found` for a volume that EC2 does not have, `in-use` for one that somebody else took over. */
  async #look({ volume, id, call }: Way): Promise<Ec2Volume> {
    const { api, owner, here } = this.#deps
    const { signal } = call
    const found = await lookUntil(this.#deps, { forMs: unseenMs, signal }, () => api.findVolume(id, signal))
    if (found === undefined) throw missing(volume, id, here.region)
    refuseForeign(volume, found, owner)
    return found
  }

  async #carryOut(step: AttachmentStep, way: Way): Promise<Outcome> {
    switch (step.kind) {
      case 'attach':
        return this.#ask(way)
      case 'find-device':
        return step.isAttached ? this.#findDevice(way, step.device) : this.#watch(way, step.device)
      case 'wait':
        return this.#later(step, way)
      case 'give-up-name':
        way.call.log.warn(
          { volume: way.volume.name, id: way.id, device: step.device },
          'stuck while it is attached: another device name is tried',
        )
        return this.#giveUpName(way, step.device)
      case 'ask-holder':
        return this.#waitForHolder(way, step.holder)
    }
  }

  async #ask(way: Way): Promise<Outcome> {
    const { id, call } = way
    const { api, here } = this.#deps
    const device = await this.#names.take(id, call.signal)
    const outcome = await api.attachVolume({ volumeId: id, instanceId: here.instanceId, device }, call.signal)
    switch (outcome.kind) {
      case 'attaching':
        return this.#watch(way, device)
      case 'name-taken':
        this.#names.markBad(id, device)
        return { why: outcome.reason }
      case 'no-room':
        this.#names.giveBack(id)
        throw full(here)
      case 'in-use':
        return (await this.#findInUse(way)) ?? this.#later({ why: outcome.reason }, way)
      case 'not-ready':
        return this.#later({ why: outcome.reason }, way)
    }
  }

  /** What EC2 says of volumes and what it says of instances may differ for a while. */
  async #findInUse(way: Way): Promise<BlockDevice | undefined> {
    const shown = await this.#shownHere(way)
    if (shown === undefined) this.#names.giveBack(way.id)
    const found = shown?.state === 'attached' ? await this.#disks.find(way.id, shown.device) : undefined
    return found && this.#verified(way, found, shown?.device)
  }

  async #shownHere({ id, call }: Way): Promise<InstanceDevice | undefined> {
    const { api, here } = this.#deps
    const instance = await api.findInstance(here.instanceId, call.signal)
    return instance?.devices.find(({ volumeId }) => volumeId === id)
  }

  /** EC2 is attaching it. */
  async #watch(way: Way, name: string): Promise<Outcome> {
    const { signal } = way.call
    const found = await this.#disks.untilThere(way.id, name, { forMs: attachingMs, signal })
    if (found !== undefined) return this.#verified(way, found, name)
    return { why: `EC2 has been attaching it as ${name}, and is not done` }
  }

  /** EC2 has attached it. */
  async #findDevice(way: Way, name: string): Promise<Outcome> {
    const { id, call } = way
    const found = await this.#disks.untilThere(id, name, { forMs: deviceMs, signal: call.signal })
    if (found !== undefined) return this.#verified(way, found, name)
    const why = `EC2 says that it is attached as ${name}, and this host has no such disk`
    if (call.signal.aborted) return { why }
    call.log.warn({ id, device: name }, 'attached, but no disk came: detached to be attached again')
    await this.#giveUpName(way, name)
    return { why, hint: 'start the container again; if that does not help, look at dmesg, or restart this host' }
  }

  async #verified({ id, call }: Way, device: BlockDevice, name: string | undefined): Promise<BlockDevice> {
    const isNamed = device.serial === undefined
    await this.#deps.devices.verify(device, isNamed ? undefined : id, call)
    const { journal } = call
    // By nothing else is it found again while EC2 does not answer.
    if (isNamed && name !== undefined && journal.notes['device'] !== name) {
      await journal.write({ ...journal.notes, device: name })
    }
    return device
  }

  async #giveUpName(way: Way, device: string): Promise<NotYet> {
    await this.#detachFrom(way, this.#deps.here.instanceId)
    this.#names.markBad(way.id, device)
    return this.#later({ why: `it was stuck on its way to ${device}` }, way)
  }

  async #detachFrom({ id: volumeId, call }: Way, instanceId: string, isForced = false): Promise<void> {
    await this.#deps.api.detachVolume({ volumeId, instanceId, isForced }, call.signal)
    this.#names.giveBack(volumeId)
  }

  /** Never taken from an instance that may write to it. */
  async #waitForHolder(way: Way, holder: Ec2Attachment): Promise<NotYet> {
    const { volume, id, call } = way
    const { instanceId, since, state } = holder
    const instance = await this.#deps.api.findInstance(instanceId, call.signal)
    if (this.#stopped.isProven(id, holder, instance)) {
      call.log.warn({ volume: volume.name, id, holder: instanceId }, 'taken from an instance that does not run')
      // Without force first: it is enough for an instance that is stopped.
      await this.#detachFrom(way, instanceId, state !== 'attached')
    }
    const runs = instance === undefined ? 'of which EC2 says nothing' : `which is ${instance.state}`
    const time = since === undefined ? '' : ` since ${since}`
    return this.#later(
      {
        why: `it is attached to ${nameInstance(instanceId, instance)}${time}, ${runs}`,
        hint: `stop its container there; if that host is lost for good: convoy takeover ${volume.name}`,
      },
      way,
    )
  }

  async #later(outcome: NotYet, { call }: Way): Promise<NotYet> {
    await this.#deps.pause(lookEveryMs, call.signal)
    return outcome
  }
}

function late({ volume, id }: Way, { why, hint }: NotYet): ConvoyError {
  return new ConvoyError('in-use', `${id}, which is volume "${volume.name}", is not on this host: ${why}`, {
    hint: hint ?? 'start the container again: what is under way goes on',
  })
}
