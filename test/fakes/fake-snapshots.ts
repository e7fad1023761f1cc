import type { SnapshotOperations } from '../../src/drivers/driver.js'
import { ConvoyError } from '../../src/errors.js'
import type { VolumeHandle } from '../../src/model/volume.js'
import type { FakeStorage, Piece } from './fake-storage.js'
import type { FaultInjector } from './fault-injector.js'

/** Snapshots that the fake storage makes by itself. */
export class FakeSnapshots implements SnapshotOperations {
  readonly #storage: FakeStorage
  readonly #faults: FaultInjector
  readonly #place: string

  constructor(storage: FakeStorage, faults: FaultInjector, place: string) {
    this.#storage = storage
    this.#faults = faults
    this.#place = place
  }

  create(name: string): Promise<void> {
    return this.#faults.step('snapshot: create', () => {
      if (!this.#storage.snapshots.has(name)) {
        this.#storage.snapshots.set(name, { ...this.#storage.piece(this.#place), attachedTo: undefined })
      }
    })
  }

  remove(name: string): Promise<void> {
    return this.#faults.step('snapshot: remove', () => void this.#storage.snapshots.delete(name))
  }

  openReadOnly(name: string): Promise<{ readonly path: string; close(): Promise<void> }> {
    return this.#faults.step('snapshot: open', () => {
      this.#find(name)
      return { path: `/snapshots/${name}`, close: () => Promise.resolve() }
    })
  }

  clone(name: string, target: VolumeHandle): Promise<void> {
    return this.#faults.step('snapshot: clone', () => {
      const { text } = this.#find(name)
      const piece = this.#storage.piece(target.attributes['place'] ?? '')
      piece.text = text
      piece.hasFileSystem = true
    })
  }

  #find(name: string): Piece {
    const piece = this.#storage.snapshots.get(name)
    if (piece !== undefined) return piece
    throw new ConvoyError('not-found', `no snapshot ${name}`)
  }
}
