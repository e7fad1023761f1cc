import { ConvoyError } from '../../src/errors.js'
import type { Space } from '../../src/model/space.js'
import type { Attributes, OnRemove } from '../../src/model/volume.js'
import type { VolumeName } from '../../src/model/volume-name.js'

/** What says on the storage that something is a volume of ours. */
export interface Marker {
  readonly name: VolumeName
  readonly id: string
  /** Which piece of the storage holds the data. */
  readonly place: string
  readonly state: 'live' | 'forgotten' | 'trashed'
  readonly origin: 'created' | 'adopted'
  readonly createdAt: string
  readonly options: Attributes
  readonly onRemove?: OnRemove
  readonly sizeBytes?: number
  readonly retiredAt?: string
}

/** A directory or a disk. */
export interface Piece {
  /** Without one it reads as zeros. */
  hasFileSystem: boolean
  text: string | undefined
  /** The host that has it attached. */
  attachedTo: string | undefined
}

/** What outlives every process that uses it: pieces with data, markers, and snapshots. */
export class FakeStorage {
  /** By volume id. */
  readonly markers = new Map<string, Marker>()
  readonly pieces = new Map<string, Piece>()
  readonly snapshots = new Map<string, Piece>()
  /** How much room there is, if somebody wants to know. */
  space: Space | undefined
  /** Why the storage does not answer now. */
  outage: ConvoyError | undefined

  check(): void {
    if (this.outage !== undefined) throw this.outage
  }

  /** The live or forgotten volume of that name. */
  markerOf(name: VolumeName): Marker | undefined {
    return [...this.markers.values()].find((marker) => marker.name === name && marker.state !== 'trashed')
  }

  holderOf(place: string): Marker | undefined {
    return [...this.markers.values()].find((marker) => marker.place === place)
  }

  piece(place: string): Piece {
    const piece = this.pieces.get(place)
    if (piece !== undefined) return piece
    throw new ConvoyError('not-found', `the storage holds no ${place}`)
  }

  makePiece(place: string, hasFileSystem: boolean): void {
    if (!this.pieces.has(place)) this.pieces.set(place, { hasFileSystem, text: undefined, attachedTo: undefined })
  }

  /** Data that was there before us. */
  plant(place: string, text: string): void {
    this.pieces.set(place, { hasFileSystem: true, text, attachedTo: undefined })
  }

  /** What the volume with that id holds, wherever it is. */
  textOf(id: string): string | undefined {
    const marker = this.markers.get(id)
    return marker === undefined ? undefined : this.pieces.get(marker.place)?.text
  }
}
