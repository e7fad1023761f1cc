import assert from 'node:assert/strict'
import type { World } from '../../fakes/world.js'
import { Command, type Expectation } from './command.js'
import type { Model } from './model.js'

const timeOf = (world: World) => world.clock.now().getTime()

/** dockerd is killed and starts again. With live-restore its containers run on; without, those with a restart policy come back. */
export class EngineCrash extends Command {
  readonly isLiveRestore: boolean

  constructor(isLiveRestore: boolean) {
    super()
    this.isLiveRestore = isLiveRestore
  }

  check(): boolean {
    return true
  }

  protected expect(after: Model): Expectation {
    after.epoch++
    if (!this.isLiveRestore) after.containers.clear()
    return { after }
  }

  protected async act(world: World): Promise<void> {
    if (!this.isLiveRestore) for (const container of world.kernel.containers) world.kernel.exit(container)
    world.core.reconciliation.beginEpoch()
  }
}

/** The daemon is killed while it rests, and starts again. */
export class DaemonCrash extends Command {
  check(model: Readonly<Model>): boolean {
    return !model.isFull
  }

  protected expect(after: Model, world: World): Expectation {
    after.sweep(timeOf(world))
    after.reconcile(timeOf(world))
    return { after }
  }

  protected act(world: World): Promise<void> {
    return world.restart()
  }
}

export class Reboot extends Command {
  check(model: Readonly<Model>): boolean {
    return !model.isFull
  }

  protected expect(after: Model, world: World): Expectation {
    after.containers.clear()
    after.references.clear()
    after.sweep(timeOf(world))
    return { after }
  }

  protected act(world: World): Promise<void> {
    return world.reboot()
  }
}

export class Reconcile extends Command {
  check(): boolean {
    return true
  }

  protected expect(after: Model, world: World): Expectation {
    after.reconcile(timeOf(world))
    return { after }
  }

  protected async act(world: World): Promise<void> {
    await world.reconcile()
  }

  override async run(model: Model, world: World): Promise<void> {
    await super.run(model, world)
    const idle = [...model.volumes.keys()].filter((name) => model.referencesOf(name).size === 0 && !model.isHeld(name))
    for (const name of idle) assert.notEqual(world.state(name), 'attached', `nobody uses ${name}`)
  }
}

/** Time passes, and the trash is emptied. */
export class Wait extends Command {
  readonly ms: number

  constructor(ms: number) {
    super()
    this.ms = ms
  }

  check(model: Readonly<Model>): boolean {
    return !model.isFull
  }

  protected expect(after: Model, world: World): Expectation {
    after.sweep(timeOf(world) + this.ms)
    return { after }
  }

  protected async act(world: World): Promise<void> {
    world.clock.advance(this.ms)
    await world.core.trash.sweep(world.call())
  }
}

/** The disk of the database is full, until it no longer is. */
export class FullDisk extends Command {
  check(): boolean {
    return true
  }

  protected expect(after: Model, world: World): Expectation {
    after.isFull = !after.isFull
    if (!after.isFull) after.reconcile(timeOf(world))
    return { after }
  }

  protected async act(world: World): Promise<void> {
    world.database.isFull = !world.database.isFull
    await world.settle()
    if (!world.database.isFull) await world.reconcile()
  }
}
