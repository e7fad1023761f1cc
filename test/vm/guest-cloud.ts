import type { Test } from 'tap'
import type { Cloud } from '../ec2/cloud.js'
import { eventually } from '../engine/polling.js'
import { Ec2Emulator } from '../ec2/emulator.js'
import type { VolumeRecord } from '../ec2/records.js'
import { GuestDisks } from './guest-disks.js'
import type { Lab } from './lab.js'
import type { Forward } from './qemu-command.js'

/** Where every guest finds EC2, and its own metadata. */
const [ec2Address, metadataAddress] = ['10.0.2.100', '10.0.2.101']

export const ec2Endpoint = `http://${ec2Address}`

/** For a daemon in a guest: it finds nothing of AWS but this, and has time to ask. */
export const ec2Environment = {
  AWS_EC2_METADATA_SERVICE_ENDPOINT: `http://${metadataAddress}`,
  AWS_METADATA_SERVICE_TIMEOUT: '60',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
}

/** As EC2 takes them, in small. */
const delays = { createMs: 300, attachMs: 500, detachMs: 500, deleteMs: 300, releaseMs: 1000 }

export interface GuestInstance {
  readonly id: string
  /** By which its guest reaches EC2 and its metadata. */
  readonly forwards: readonly Forward[]
}

/** EC2 whose instances are guests, and whose volumes are their NVMe disks. */
export class GuestCloud {
  readonly disks: GuestDisks
  readonly emulator: Ec2Emulator
  readonly #t: Test

  private constructor(parts: { readonly t: Test; readonly disks: GuestDisks; readonly emulator: Ec2Emulator }) {
    this.#t = parts.t
    this.disks = parts.disks
    this.emulator = parts.emulator
  }

  static async open(t: Test, lab: Lab): Promise<GuestCloud> {
    const disks = new GuestDisks(lab)
    return new GuestCloud({ t, disks, emulator: await Ec2Emulator.start(t, { disks, delays }) })
  }

  get cloud(): Cloud {
    return this.emulator.cloud
  }

  async addInstance(name: string): Promise<GuestInstance> {
    const { id } = this.cloud.addInstance({ tags: { Name: name } })
    const metadata = await this.emulator.openMetadata(this.#t, id)
    const forwards = [
      { address: ec2Address, port: portOf(this.emulator.endpoint) },
      { address: metadataAddress, port: portOf(metadata) },
    ]
    return { id, forwards }
  }

  /** Those that convoy made or took over under this name, whatever state they are in. */
  volumesNamed(name: string): readonly VolumeRecord[] {
    return this.cloud.volumes().filter(({ tags }) => tags['convoy:name'] === name)
  }

  /** The only one of this name. */
  volumeNamed(name: string): VolumeRecord {
    const [volume, ...more] = this.volumesNamed(name)
    if (volume === undefined || more.length > 0) throw new Error(`${more.length + 1} volumes "${name}", or none`)
    return volume
  }

  /** Resolves when it is attached nowhere. */
  async untilFree(id: string): Promise<void> {
    await eventually(`${id} is available`, () => this.cloud.volume(id).state === 'available')
  }

  async untilDeleted(id: string): Promise<void> {
    await eventually(`${id} is deleted`, () => this.cloud.volume(id).state === 'deleted')
  }

  /** Where the volume is, by EC2 itself. */
  holderOf(id: string): string | undefined {
    return this.cloud.volume(id).attachments[0]?.instanceId
  }
}

const portOf = (endpoint: string) => Number(new URL(endpoint).port)
