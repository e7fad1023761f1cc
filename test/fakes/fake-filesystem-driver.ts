import type { CreateRequest, DriverCall, MountSource, TakeoverOperations } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import type { VolumeHandle } from '../../src/model/volume.js'
import { FakeDriver, placeOf } from './fake-driver.js'
import type { Marker, Piece } from './fake-storage.js'

/**
 * Volumes that are disks: one host at a time attaches one, and it is formatted at the first attach, if our journal says that
 * it is blank and it reads as zeros.
 */
export class FakeFilesystemDriver extends FakeDriver {
  readonly name = 'filesystem'
  readonly attachMode = 'exclusive'
  readonly attachment = 'recorded'

  async attach(volume: VolumeHandle, call: DriverCall): Promise<MountSource> {
    const { storage, kernel } = this.deps
    const place = placeOf(volume)
    const piece = await this.step('attach: look', () => storage.piece(place))
    await this.step('attach: attach', () => {
      if (piece.attachedTo !== undefined && piece.attachedTo !== this.#host) {
        throw new ConvoyError('in-use', `volume "${volume.name}" is attached to ${piece.attachedTo}`)
      }
      piece.attachedTo = this.#host
      kernel.attachDevice(this.pathOf(place))
    })
    await this.#format(piece, volume, call)
    return { kind: 'filesystem', source: this.pathOf(place), fsType: 'ext4', options: [], subdirectory: '_data' }
  }

  async detach(volume: VolumeHandle): Promise<void> {
    const { storage, kernel } = this.deps
    const place = placeOf(volume)
    await this.step('detach', () => {
      kernel.removeDevice(this.pathOf(place))
      const piece = storage.pieces.get(place)
      if (piece?.attachedTo === this.#host) piece.attachedTo = undefined
    })
  }

  readonly takeover: TakeoverOperations = {
    holderOf: (volume) =>
      this.step('takeover: look', () => {
        const host = this.deps.storage.pieces.get(placeOf(volume))?.attachedTo
        return host === undefined || host === this.#host ? undefined : { host, state: 'running' }
      }),
    seize: (volume) =>
      this.step('takeover: seize', () => {
        const piece = this.deps.storage.pieces.get(placeOf(volume))
        if (piece !== undefined) piece.attachedTo = undefined
      }),
  }

  placeOf(): undefined {
    return undefined
  }

  protected pathOf(place: string): string {
    return devicePath(place)
  }

  protected newPlace({ id }: CreateRequest): string {
    return `disk-${id}`
  }

  protected trashPlace({ place }: Marker): string {
    return place
  }

  protected livePlace({ place }: Marker): string {
    return place
  }

  protected makePiece({ place }: Marker): void {
    this.deps.storage.makePiece(place, false)
  }

  protected beforeFirst(marker: Marker, call: DriverCall): Promise<void> {
    return marker.origin === 'created' ? call.journal.write({ disk: 'blank' }) : Promise.resolve()
  }

  async #format(piece: Piece, volume: VolumeHandle, call: DriverCall): Promise<void> {
    if (!piece.hasFileSystem) {
      if (call.journal.notes['disk'] !== 'blank' || piece.text !== undefined) {
        throw new ConvoyError('internal', `the disk of "${volume.name}" may hold data: it is not formatted`)
      }
      await this.step('attach: format', () => {
        piece.hasFileSystem = true
        piece.text = undefined
      })
    }
    if (call.journal.notes['disk'] === 'blank') await call.journal.write({ disk: 'formatted' })
  }

  get #host(): string {
    return this.deps.host ?? 'this-host'
  }
}

export const devicePath = (place: string) => `/dev/fake/${place}`
