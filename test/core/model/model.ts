import type { Precious } from '../../fakes/invariants.js'
import { type Kind, named, type World } from '../../fakes/world.js'
import type { OnRemove } from '../../../src/model/volume.js'

export interface ModelVolume {
  /** Unknown until the core has made one. */
  readonly id: string | undefined
  readonly kind: Kind
  readonly state: 'listed' | 'forgotten'
  readonly onRemove: OnRemove | undefined
}

export interface ModelTrash {
  readonly id: string | undefined
  readonly name: string
  readonly kind: Kind
  readonly onRemove: OnRemove | undefined
  readonly trashedAt: number
  readonly expiresAt: number
}

export interface ModelReference {
  readonly count: number
  readonly epoch: number
  readonly at: number
}

// Docker answers, and no container names a volume.
const graceMs = 45 * 1000
const noReferences: ReadonlyMap<string, ModelReference> = new Map()

/** What should be true, in the simplest words: no locks, no intents, no storage. */
export class Model {
  volumes = new Map<string, ModelVolume>()
  trash: ModelTrash[] = []
  /** Volume → mount id → reference. */
  references = new Map<string, ReadonlyMap<string, ModelReference>>()
  /** Running containers: id → the volume's name and id. */
  containers = new Map<string, { readonly name: string; readonly volumeId: string }>()
  /** Volume id → what was written last. */
  texts = new Map<string, string>()
  epoch = 0
  isFull = false

  clone(): Model {
    return Object.assign(new Model(), {
      volumes: new Map(this.volumes),
      trash: [...this.trash],
      references: new Map(this.references),
      containers: new Map(this.containers),
      texts: new Map(this.texts),
      epoch: this.epoch,
      isFull: this.isFull,
    })
  }

  become(other: Model): void {
    Object.assign(this, other.clone())
  }

  isListed(name: string): boolean {
    return this.volumes.get(name)?.state === 'listed'
  }

  isHeld(name: string): boolean {
    const id = this.volumes.get(name)?.id
    return id !== undefined && [...this.containers.values()].some(({ volumeId }) => volumeId === id)
  }

  referencesOf(name: string): ReadonlyMap<string, ModelReference> {
    return this.references.get(name) ?? noReferences
  }

  hasCurrentReference(name: string): boolean {
    return [...this.referencesOf(name).values()].some(({ epoch }) => epoch === this.epoch)
  }

  count(name: string, id: string, at: number): void {
    const before = this.referencesOf(name).get(id)
    const count = before?.epoch === this.epoch ? before.count + 1 : 1
    this.#setReference(name, id, { count, epoch: this.epoch, at })
  }

  giveBack(name: string, id: string): void {
    const before = this.referencesOf(name).get(id)
    if (before === undefined) return
    const isLast = before.count === 1 || before.epoch !== this.epoch
    this.#setReference(name, id, isLast ? undefined : { ...before, count: before.count - 1 })
  }

  dropReferences(name: string): void {
    this.references.delete(name)
  }

  reconcile(now: number): void {
    for (const [name, references] of this.references) {
      if (this.isHeld(name)) continue
      for (const [id, { epoch, at }] of references) {
        if (epoch < this.epoch || at < now - graceMs) this.#setReference(name, id, undefined)
      }
    }
  }

  sweep(now: number): void {
    if (!this.isFull) this.trash = this.trash.filter(({ expiresAt }) => expiresAt > now)
  }

  toTrash(name: string, volume: ModelVolume, now: number, retentionMs: number): void {
    const { id, kind, onRemove } = volume
    this.volumes.delete(name)
    this.trash.push({ id, name, kind, onRemove, trashedAt: now, expiresAt: now + retentionMs })
  }

  newestInTrash(name: string): ModelTrash | undefined {
    const ofName = this.trash.filter((entry) => entry.name === name)
    return ofName.sort((one, other) => other.trashedAt - one.trashedAt)[0]
  }

  /** All data that must be somewhere. */
  precious(): readonly Precious[] {
    const ids = [...[...this.volumes.values()].map(({ id }) => id), ...this.trash.map(({ id }) => id)]
    return ids.flatMap((id) => {
      const text = id === undefined ? undefined : this.texts.get(id)
      return id === undefined || text === undefined ? [] : [{ id, text }]
    })
  }

  /** In what the world is not as this model says. */
  differences(world: World): readonly string[] {
    const { ledger } = world
    const real = [...ledger.volumes.values()].map((volume) => {
      const state = world.core.volumes.find(volume.name) === undefined ? volume.state : 'listed'
      return [volume.name, volume.driver, state, volume.id].join(' ')
    })
    const idOf = (name: string) => ledger.volumes.get(named(name))?.id ?? 'none'
    const modelled = [...this.volumes].map(([name, { id, kind, state }]) =>
      [name, kind, state, id ?? idOf(name)].join(' '),
    )
    return [
      ...unequal('volumes', real, modelled),
      ...unequal('trash', [...ledger.trash.values()].map(entryText), this.trash.map(entryText)),
      ...unequal('references', realReferences(world), this.#references()),
    ]
  }

  /** Learns the ids of what the core has made. */
  learnIds(world: World): void {
    for (const [name, volume] of this.volumes) {
      const id = world.ledger.volumes.get(named(name))?.id
      if (volume.id === undefined) this.volumes.set(name, { ...volume, id })
    }
  }

  #references(): string[] {
    return [...this.references].flatMap(([name, references]) =>
      [...references].map(([id, { count }]) => `${name} ${id} ${count}`),
    )
  }

  #setReference(name: string, id: string, reference: ModelReference | undefined): void {
    const references = new Map(this.referencesOf(name))
    if (reference === undefined) references.delete(id)
    else references.set(id, reference)
    if (references.size === 0) this.references.delete(name)
    else this.references.set(name, references)
  }
}

const entryText = ({ id, name }: { readonly id: string | undefined; readonly name: string }) =>
  `${name} ${id ?? 'none'}`

function realReferences({ ledger }: World): string[] {
  return [...ledger.mountedNames].flatMap((name) =>
    [...ledger.mountsOf(name).values()].map(({ id, count }) => `${name} ${id} ${count}`),
  )
}

function unequal(what: string, real: readonly string[], modelled: readonly string[]): readonly string[] {
  const [one, other] = [[...real].sort().join(', '), [...modelled].sort().join(', ')]
  return one === other ? [] : [`${what}: real [${one}] modelled [${other}]`]
}
