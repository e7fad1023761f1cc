import type { Disks, DiskVolume } from '../ec2/disks.js'
import type { Guest } from './guest.js'
import type { Lab } from './lab.js'
import type { Volume } from './nvme-ports.js'

/** Makes the disks of the emulator of EC2 real: what it attaches is plugged into a guest. */
export class GuestDisks implements Disks {
  readonly #lab: Lab
  readonly #guests = new Map<string, Guest>()
  readonly #volumes = new Map<string, Volume>()
  /** Volume → the instance that has it. */
  readonly #plugged = new Map<string, string>()

  constructor(lab: Lab) {
    this.#lab = lab
  }

  /** From now on the instance is this guest, which gets its disks: it was started anew, or for the first time. */
  async start(instanceId: string, guest: Guest): Promise<void> {
    this.#guests.set(instanceId, guest)
    for (const [id, holder] of this.#plugged) {
      const volume = this.#volumes.get(id)
      if (holder === instanceId && volume !== undefined) await guest.attach(volume)
    }
  }

  /** The instance has no guest any more, and what it had can be plugged in elsewhere. */
  stop(instanceId: string): void {
    this.#guests.delete(instanceId)
  }

  /** Its disk, which is blank when it is first asked for. */
  volumeOf({ id, sizeGib }: Pick<DiskVolume, 'id' | 'sizeGib'>): Volume {
    const volume = this.#volumes.get(id) ?? this.#lab.volume(id, sizeGib * 1024)
    this.#volumes.set(id, volume)
    return volume
  }

  async plug(volume: DiskVolume, instanceId: string): Promise<void> {
    this.#plugged.set(volume.id, instanceId)
    const disk = this.volumeOf(volume)
    await this.#whileItRuns(instanceId, (guest) => guest.attach(disk))
  }

  async unplug(volumeId: string, instanceId: string): Promise<void> {
    this.#plugged.delete(volumeId)
    const disk = this.#volumes.get(volumeId)
    if (disk !== undefined) await this.#whileItRuns(instanceId, (guest) => guest.detach(disk))
  }

  /** A guest that ends, or has ended, has no disks. */
  async #whileItRuns(instanceId: string, act: (guest: Guest) => Promise<unknown>): Promise<void> {
    const guest = this.#guests.get(instanceId)
    if (guest !== undefined) await Promise.race([act(guest), guest.ended()])
  }
}
