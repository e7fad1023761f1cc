import type { CreateRequest, MountSource } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import type { VolumeHandle, VolumePlace } from '../../src/model/volume.js'
import type { VolumeName } from '../../src/model/volume-name.js'
import { FakeDriver, placeOf } from './fake-driver.js'
import type { Marker } from './fake-storage.js'

const root = '/directories'

/** Volumes that are directories: any host may use one at any time, and nothing has to be undone. */
export class FakeDirectoryDriver extends FakeDriver {
  readonly name = 'directory'
  readonly attachMode = 'shared'
  readonly attachment = 'stateless'
  readonly takeover = undefined

  attach(volume: VolumeHandle): Promise<MountSource> {
    return this.step('attach', () => {
      const place = placeOf(volume)
      if (this.deps.storage.pieces.has(place)) return { kind: 'directory', path: this.pathOf(place) }
      throw new ConvoyError('not-found', `the directory of "${volume.name}" is missing`)
    })
  }

  detach(): Promise<void> {
    return this.step('detach', () => undefined)
  }

  placeOf(volume: VolumeHandle): VolumePlace {
    return { path: this.pathOf(placeOf(volume)) }
  }

  protected pathOf(place: string): string {
    return directoryPath(place)
  }

  protected newPlace({ name }: CreateRequest): string {
    return name
  }

  protected trashPlace({ id }: Marker): string {
    return `.trash/${id}`
  }

  protected livePlace(_marker: Marker, name: VolumeName): string {
    return name
  }

  protected makePiece({ place }: Marker): void {
    this.deps.storage.makePiece(place, true)
  }

  protected beforeFirst(): Promise<void> {
    return Promise.resolve()
  }
}

export const directoryPath = (place: string) => `${root}/${place}`

/** The piece that a path of the host shows. */
export function placeAt(path: string): string | undefined {
  return path.startsWith(`${root}/`) ? path.slice(root.length + 1) : undefined
}
