import { randomBytes } from 'node:crypto'
import { Attachments, nextSerial } from './attachments.js'
import { ClientTokens } from './client-tokens.js'
import { ManualClock, type CloudClock } from './cloud-clock.js'
import { CloudState, type Delays } from './cloud-state.js'
import { NoDisks, type Disks } from './disks.js'
import { Ec2Failure, invalidValue, missing } from './ec2-failure.js'
import { Faults, type Action } from './faults.js'
import type * as Records from './records.js'
import type {
  InstanceRecord,
  InstanceState,
  InstanceTypeRecord,
  SnapshotRecord,
  Tags,
  VolumeRecord,
} from './records.js'
import { withoutTags, withTags } from './tag-rules.js'
import { volumeFigures } from './volume-rules.js'

export interface CloudSettings {
  readonly clock?: CloudClock
  readonly region?: string
  readonly zones?: readonly string[]
  readonly disks?: Disks
  readonly delays?: Partial<Delays>
  /** Whether a request that does not say makes an encrypted volume. */
  readonly isEncryptedByDefault?: boolean
  readonly onDiskError?: (error: unknown) => void
}

const usualDelays: Delays = { createMs: 20, attachMs: 20, detachMs: 20, deleteMs: 20, releaseMs: 200 }

export const newId = (prefix: string): string => `${prefix}-0${randomBytes(8).toString('hex')}`

/** Volumes, instances and what lies between them, as EC2 has them; every method throws Ec2Failure for what EC2 refuses. */
export class Cloud {
  readonly region: string
  readonly zones: readonly string[]
  readonly clock: CloudClock
  readonly faults: Faults
  /** May be changed at any time. */
  readonly delays: Delays
  /** The most rows that a Describe shows at once. */
  pageSize = 1000
  readonly snapshots = new Map<string, SnapshotRecord>()
  readonly #state: CloudState
  readonly #attachments: Attachments
  readonly #tokens: ClientTokens
  readonly #isEncryptedByDefault: boolean

  constructor(settings: CloudSettings = {}) {
    const { region = 'eu-west-1', disks = new NoDisks(), onDiskError = rethrow } = settings
    this.region = region
    this.zones = settings.zones ?? [`${region}a`, `${region}b`]
    this.clock = settings.clock ?? new ManualClock()
    this.faults = new Faults(this.clock)
    this.delays = { ...usualDelays, ...settings.delays }
    const { clock, faults, delays } = this
    this.#state = new CloudState({ clock, faults, delays, disks, onDiskError })
    this.#attachments = new Attachments(this.#state)
    this.#tokens = new ClientTokens(clock)
    this.#isEncryptedByDefault = settings.isEncryptedByDefault ?? false
    this.addInstanceType({ name: 'm5.large', mostAttachments: 28, limitType: 'shared', instanceDisks: 0 })
  }

  createVolume(request: Records.CreateVolumeRequest): VolumeRecord {
    const { clientToken: token, ...asked } = request
    const earlier = token === undefined ? undefined : this.#tokens.findVolume(token, asked)
    if (earlier !== undefined) return this.volume(earlier)
    const volume = this.#volumeOf(request)
    const { faults, clock } = this
    const subject = { action: 'CreateVolume' } as const
    if (token !== undefined && faults.take('burn-token', subject) !== undefined) throw this.#tokens.burn(token)
    this.#state.put(volume, 'CreateVolume')
    if (token !== undefined) this.#tokens.remember(token, asked, volume.id)
    const end = faults.take('creation', subject)?.ends
    clock.schedule(this.delays.createMs, async () => this.#finishCreate(volume.id, end))
    return volume
  }

  attachVolume(request: Records.AttachVolumeRequest): Records.AttachmentRecord {
    return this.#attachments.attach(request)
  }

  detachVolume(request: Records.DetachVolumeRequest): Records.AttachmentRecord {
    return this.#attachments.detach(request)
  }

  deleteVolume(id: string): void {
    const volume = this.#state.getVolume(id)
    const [attachment] = volume.attachments
    if (attachment !== undefined)
      throw new Ec2Failure('VolumeInUse', `Volume ${id} is currently attached to ${attachment.instanceId}`)
    if (volume.state !== 'available' && volume.state !== 'error')
      throw new Ec2Failure('IncorrectState', `Volume '${id}' is in the '${volume.state}' state.`)
    this.#state.put({ ...volume, state: 'deleting' }, 'DeleteVolume')
    this.clock.schedule(this.delays.deleteMs, async () => this.#finishDelete(id))
  }

  /** Of volumes and instances; all of them or none. */
  createTags(ids: readonly string[], tags: Tags): void {
    this.#changeTags(ids, 'CreateTags', (old) => withTags(old, tags))
  }

  /** Without a value, whatever the value is; without tags, all of them. */
  deleteTags(ids: readonly string[], tags?: Readonly<Record<string, string | undefined>>): void {
    this.#changeTags(ids, 'DeleteTags', (old) => withoutTags(old, tags))
  }

  /** As this Describe shows it, which may be old. */
  findVolumeSeen(id: string, by: 'DescribeVolumes' | 'DescribeInstances'): VolumeRecord | undefined {
    const volume = this.#state.history.findSeen(id, this.clock.now(), this.faults.lagOf(by))
    if (volume === undefined || volume.attachments.length === 0) return volume
    const isHidden = this.faults.take('hide-attachment', { action: by, volumeId: id }) !== undefined
    return isHidden ? { ...volume, state: 'available', attachments: [] } : volume
  }

  volumesSeen(by: 'DescribeVolumes' | 'DescribeInstances'): readonly VolumeRecord[] {
    return this.#state.history.ids().flatMap((id) => this.findVolumeSeen(id, by) ?? [])
  }

  findInstance(id: string): InstanceRecord | undefined {
    return this.#state.instances.get(id)
  }

  instances(): readonly InstanceRecord[] {
    return [...this.#state.instances.values()]
  }

  findInstanceType(name: string): InstanceTypeRecord | undefined {
    return this.#state.instanceTypes.get(name)
  }

  instanceTypes(): readonly InstanceTypeRecord[] {
    return [...this.#state.instanceTypes.values()]
  }

  /** As it is, whatever a Describe shows, and `deleted` ones too. Throws when there never was one. */
  volume(id: string): VolumeRecord {
    const volume = this.#state.history.find(id)
    if (volume === undefined) throw new Error(`there never was a volume ${id}`)
    return volume
  }

  /** As it is, unless it is deleted. */
  findVolume(id: string): VolumeRecord | undefined {
    const volume = this.#state.history.find(id)
    return volume?.state === 'deleted' ? undefined : volume
  }

  /** All that are not deleted, without the disks that instances started from. */
  volumes(): readonly VolumeRecord[] {
    return this.#state.volumes().filter(({ attachments }) => !attachments.some((each) => each.isDeletedWithInstance))
  }

  /** One that somebody else made, or that was there before. */
  addVolume(given: Partial<VolumeRecord> = {}): VolumeRecord {
    const volume = { ...this.#volumeOf({ zone: this.zones[0], sizeGib: 8, type: 'gp3' }), ...given }
    const added: VolumeRecord = { ...volume, state: given.state ?? 'available' }
    this.#state.history.put(added, this.clock.now(), 0)
    return added
  }

  addInstanceType(type: InstanceTypeRecord): void {
    this.#state.instanceTypes.set(type.name, type)
  }

  /** It runs, and has a disk that it started from. */
  addInstance(given: Partial<InstanceRecord> = {}): InstanceRecord {
    const launchedMs = this.clock.now()
    const defaults = { id: newId('i'), zone: this.zones[0] ?? '', type: 'm5.large', rootDevice: '/dev/xvda' }
    const usual = { hiddenDevices: [], networkInterfaces: 1, tags: {}, state: 'running', launchedMs } as const
    const instance: InstanceRecord = { ...defaults, ...usual, ...given }
    this.#state.instances.set(instance.id, instance)
    const { id: instanceId, zone, rootDevice: device } = instance
    const root = { serial: nextSerial(), instanceId, device, state: 'attached', sinceMs: launchedMs } as const
    this.addVolume({ zone, state: 'in-use', attachments: [{ ...root, isDeletedWithInstance: true }] })
    return instance
  }

  /** Resolves when its disks have followed. */
  async setInstanceState(id: string, state: InstanceState): Promise<void> {
    this.#state.instances.set(id, { ...this.#state.getInstance(id), state })
    await this.#attachments.follow(id, state)
  }

  /** EC2 does so an hour after the end of an instance. */
  forgetInstance(id: string): void {
    this.#state.instances.delete(id)
  }

  /** Ends an attachment or detachment that is stuck or under way. */
  settle(volumeId: string): Promise<void> {
    return this.#attachments.settle(volumeId)
  }

  forgetTokens(): void {
    this.#tokens.forget()
  }

  /** Only with a clock that is set by hand. */
  advance(ms: number): Promise<void> {
    if (!(this.clock instanceof ManualClock)) throw new Error('this cloud goes by the real time')
    return this.clock.advance(ms)
  }

  close(): void {
    this.clock.close()
  }

  #volumeOf(request: Records.CreateVolumeRequest): VolumeRecord {
    const { zone, snapshotId, isEncrypted, kmsKeyId, isMultiAttach = false, tags = {} } = request
    if (zone === undefined) throw missing('zone')
    if (!this.zones.includes(zone))
      throw new Ec2Failure('InvalidZone.NotFound', `The zone '${zone}' does not exist in region ${this.region}.`)
    const snapshot = snapshotId === undefined ? undefined : this.snapshots.get(snapshotId)
    if (snapshotId !== undefined && snapshot === undefined)
      throw new Ec2Failure('InvalidSnapshot.NotFound', `The snapshot '${snapshotId}' does not exist.`)
    if (snapshot?.isEncrypted === true && isEncrypted === false)
      throw invalidValue(`A volume of the encrypted snapshot '${snapshot.id}' must be encrypted.`)
    return {
      ...volumeFigures(request, snapshot),
      id: newId('vol'),
      zone,
      snapshotId,
      kmsKeyId,
      isEncrypted: isEncrypted ?? snapshot?.isEncrypted ?? this.#isEncryptedByDefault,
      isMultiAttach,
      createdMs: this.clock.now(),
      state: 'creating',
      attachments: [],
      tags: withTags({}, tags),
    }
  }

  #finishCreate(id: string, end: 'error' | 'gone' | undefined): void {
    const volume = this.volume(id)
    if (volume.state !== 'creating') return
    if (end !== undefined) this.#tokens.burnOf(id)
    const state = end === undefined ? 'available' : end === 'error' ? 'error' : 'deleted'
    this.#state.put({ ...volume, state }, 'CreateVolume')
  }

  #finishDelete(id: string): void {
    this.#state.put({ ...this.volume(id), state: 'deleted' }, 'DeleteVolume')
  }

  #changeTags(ids: readonly string[], cause: Action, change: (old: Tags) => Tags): void {
    const puts = ids.map((id) => {
      if (id.startsWith('i-')) {
        const instance = this.#state.getInstance(id)
        const changed = { ...instance, tags: change(instance.tags) }
        return () => void this.#state.instances.set(id, changed)
      }
      if (!id.startsWith('vol-')) throw new Ec2Failure('InvalidID', `The ID '${id}' is not valid`)
      const volume = this.#state.getVolume(id)
      const changed = { ...volume, tags: change(volume.tags) }
      return () => this.#state.put(changed, cause)
    })
    for (const put of puts) put()
  }
}

function rethrow(error: unknown): never {
  throw error
}
