import type { Fault } from '../../fakes/fault-injector.js'
import { dayMs } from '../../fakes/fake-clock.js'
import { type Kind, named, type World } from '../../fakes/world.js'
import type { OnRemove } from '../../../src/model/volume.js'
import { Command, type Expectation } from './command.js'
import type { Model } from './model.js'

const timeOf = (world: World) => world.clock.now().getTime()

export class Create extends Command {
  readonly name: string
  readonly kind: Kind
  readonly onRemove: OnRemove | undefined

  constructor(options: { name: string; kind: Kind; onRemove: OnRemove | undefined; fault?: Fault }) {
    super(options.fault)
    this.name = options.name
    this.kind = options.kind
    this.onRemove = options.onRemove
  }

  check(): boolean {
    return true
  }

  protected expect(after: Model): Expectation {
    const { name, kind, onRemove } = this
    const there = after.volumes.get(name)
    const isOther = there?.kind !== kind || (onRemove !== undefined && onRemove !== there.onRemove)
    if (there !== undefined && isOther) return { code: 'already-exists', after }
    if (there?.state === 'listed') return { after }
    if (after.isFull) return { code: 'unavailable', after }
    after.volumes.set(name, there === undefined ? { id: undefined, kind, state: 'listed', onRemove } : listed(there))
    return { after }
  }

  protected act(world: World): Promise<unknown> {
    return world.create(this.name, this.kind, this.onRemove === undefined ? {} : { onRemove: this.onRemove })
  }
}

const listed = <T extends object>(volume: T) => ({ ...volume, state: 'listed' as const })

/** `docker run`, `docker start`: Docker mounts, the container binds and writes. */
export class Start extends Command {
  readonly name: string
  readonly container: string

  constructor(options: { name: string; container: string; fault?: Fault }) {
    super(options.fault)
    this.name = options.name
    this.container = options.container
  }

  check(model: Readonly<Model>): boolean {
    return !model.containers.has(this.container)
  }

  protected expect(after: Model, world: World): Expectation {
    if (!after.isListed(this.name)) return { code: 'not-found', after }
    if (after.isFull) return { code: 'unavailable', after }
    after.count(this.name, this.container, timeOf(world))
    return { after }
  }

  protected act(world: World): Promise<unknown> {
    return world.mount(this.name, this.container)
  }

  protected override follow(world: World, model: Model, mountpoint: unknown): void {
    const { name, container } = this
    const volumeId = model.volumes.get(name)?.id ?? ''
    world.kernel.bind(container, String(mountpoint))
    model.containers.set(container, { name, volumeId })
    const text = `${container} at ${timeOf(world)}`
    world.pieceAt(String(mountpoint)).text = text
    model.texts.set(volumeId, text)
  }
}

/** A container ends; Docker unmounts, unless it has lost count. */
export class Stop extends Command {
  readonly container: string
  readonly isLost: boolean
  #name = ''

  constructor(options: { container: string; isLost: boolean; fault?: Fault }) {
    super(options.fault)
    this.container = options.container
    this.isLost = options.isLost
  }

  check(model: Readonly<Model>): boolean {
    return model.containers.has(this.container)
  }

  protected override begin(world: World, model: Model): void {
    this.#name = model.containers.get(this.container)?.name ?? ''
    model.containers.delete(this.container)
    world.kernel.exit(this.container)
  }

  protected expect(after: Model): Expectation {
    if (!this.isLost) after.giveBack(this.#name, this.container)
    return { after }
  }

  protected async act(world: World): Promise<void> {
    if (!this.isLost) await world.unmount(this.#name, this.container)
  }
}

/** `docker cp`: mounts and unmounts twice with the container's id, whether it runs or not. */
export class Copy extends Command {
  readonly name: string
  readonly container: string

  constructor(options: { name: string; container: string }) {
    super()
    this.name = options.name
    this.container = options.container
  }

  check(model: Readonly<Model>): boolean {
    return model.isListed(this.name) && !model.isFull
  }

  protected expect(after: Model, world: World): Expectation {
    for (let times = 0; times < 2; times++) after.count(this.name, this.container, timeOf(world))
    for (let times = 0; times < 2; times++) after.giveBack(this.name, this.container)
    return { after }
  }

  protected async act(world: World): Promise<void> {
    for (const act of ['mount', 'mount', 'unmount', 'unmount'] as const) await world[act](this.name, this.container)
  }
}

export type Removal = 'docker' | 'delete' | 'forget'

export class Remove extends Command {
  readonly name: string
  readonly how: Removal

  constructor(options: { name: string; how: Removal; fault?: Fault }) {
    super(options.fault)
    this.name = options.name
    this.how = options.how
  }

  check(model: Readonly<Model>): boolean {
    // A removal that fails has dropped stale references: that is not all or nothing, and no harm.
    return this.fault === undefined || model.referencesOf(this.name).size === 0
  }

  protected expect(after: Model, world: World): Expectation {
    const { name } = this
    const volume = after.volumes.get(name)
    const policy = this.#policy(after)
    if (volume === undefined || (volume.state === 'forgotten' && this.how !== 'delete')) {
      return { code: 'not-found', after }
    }
    if (after.hasCurrentReference(name) || after.isHeld(name)) return { code: 'in-use', after }
    after.dropReferences(name)
    if (after.isFull) return { code: 'unavailable', after }
    // A deletion at once that was cut short keeps the data as long as any.
    const cutShort = after.clone()
    cutShort.toTrash(name, volume, timeOf(world), dayMs)
    if (policy === 'retain') after.volumes.set(name, { ...volume, state: 'forgotten' })
    else after.toTrash(name, volume, timeOf(world), policy === 'delete' ? 0 : dayMs)
    if (policy !== 'delete') return { after }
    after.sweep(timeOf(world))
    return { after, cutShort }
  }

  protected act(world: World): Promise<unknown> {
    const { removal } = world.core
    const name = named(this.name)
    if (this.how === 'docker') return removal.removeForDocker(name, world.call())
    return this.how === 'delete' ? removal.delete(name, world.call()) : removal.forget(name, world.call())
  }

  #policy(model: Model): OnRemove {
    if (this.how === 'docker') return model.volumes.get(this.name)?.onRemove ?? 'retain'
    return this.how === 'delete' ? 'trash' : 'retain'
  }
}

export class Undelete extends Command {
  readonly name: string
  readonly as: string | undefined

  constructor(options: { name: string; as: string | undefined; fault?: Fault }) {
    super(options.fault)
    this.name = options.name
    this.as = options.as
  }

  check(): boolean {
    return true
  }

  protected expect(after: Model): Expectation {
    const { name, as } = this
    const forgotten = after.volumes.get(name)
    if (forgotten?.state === 'forgotten') {
      if (as !== undefined && as !== name) return { code: 'unsupported', after }
      if (after.isFull) return { code: 'unavailable', after }
      after.volumes.set(name, listed(forgotten))
      return { after }
    }
    const entry = after.newestInTrash(name)
    if (entry === undefined) return { code: 'not-found', after }
    const target = as ?? name
    if (after.volumes.has(target)) return { code: 'already-exists', after }
    if (after.isFull) return { code: 'unavailable', after }
    after.trash = after.trash.filter((one) => one !== entry)
    after.volumes.set(target, { id: entry.id, kind: entry.kind, state: 'listed', onRemove: entry.onRemove })
    return { after }
  }

  protected act(world: World): Promise<unknown> {
    const as = this.as === undefined ? undefined : named(this.as)
    return world.core.removal.undelete(this.name, as, world.call())
  }
}
