import assert from 'node:assert/strict'
import type fc from 'fast-check'
import type { Fault } from '../../fakes/fault-injector.js'
import { wrongAtRest, wrongNow } from '../../fakes/invariants.js'
import { untold } from '../../fakes/story.js'
import type { World } from '../../fakes/world.js'
import type { ErrorCode } from '../../../src/errors.js'
import type { Model } from './model.js'

/** What an operation should do: the code with which it is refused, or what is true once it has succeeded. */
export interface Expectation {
  readonly code?: ErrorCode
  readonly after: Model
  /** What may be true as well when it was cut short. */
  readonly cutShort?: Model
}

/**
 * Something that happens to the world. Without a fault the core must do exactly what the model says; with one it has done all of
 * it or nothing, and all of it if it said so.
 */
export abstract class Command implements fc.AsyncCommand<Model, World> {
  readonly fault: Fault | undefined

  constructor(fault?: Fault) {
    this.fault = fault
  }

  abstract check(model: Readonly<Model>): boolean
  /** `after` is a copy of the model, to be changed. */
  protected abstract expect(after: Model, world: World): Expectation
  protected abstract act(world: World): Promise<unknown>
  /** What happens before the daemon is asked, whatever it does: a container ends. */
  protected begin?(world: World, model: Model): void
  /** What happens when the daemon has agreed: a container starts. */
  protected follow?(world: World, model: Model, value: unknown): void

  async run(model: Model, world: World): Promise<void> {
    world.clock.advance(1000)
    this.begin?.(world, model)
    const before = model.clone()
    const expected = this.expect(model.clone(), world)
    const attempt = await world.attempt(() => this.act(world), model.isFull ? undefined : this.fault)
    const { struckAt } = world.faults
    assert.deepEqual(untold(world), [])
    if (attempt.isCrashed === true) await world.restart()
    else if (struckAt !== undefined) await this.#recoverFromFailure(world)
    await world.finishJobs()
    const hasSucceeded = 'value' in attempt && attempt.error === undefined
    if (struckAt === undefined) assert.equal(attempt.error?.code, expected.code, attempt.error?.message)
    const candidates = struckAt === undefined || hasSucceeded ? [expected.after] : [before, expected.after]
    if (struckAt !== undefined && expected.cutShort !== undefined) candidates.push(expected.cutShort)
    for (const candidate of candidates) {
      if (struckAt === undefined) continue
      candidate.reconcile(world.clock.now().getTime())
      candidate.sweep(world.clock.now().getTime())
    }
    const right = candidates.find((candidate) => candidate.differences(world).length === 0)
    assert.ok(right, JSON.stringify(candidates.map((candidate) => candidate.differences(world))))
    model.become(right)
    model.learnIds(world)
    if (hasSucceeded) this.follow?.(world, model, attempt.value)
    verify(world, model)
  }

  /** What Upkeep does within half a minute: it carries on what could not be undone, too. */
  async #recoverFromFailure(world: World): Promise<void> {
    await world.reconcile()
    await world.core.trash.sweep(world.call())
  }

  toString(): string {
    const { fault, ...rest } = this
    const at = fault === undefined ? '' : ` ${fault.how} ${fault.when} ${fault.step}`
    return `${this.constructor.name}(${Object.values(rest).map(String).join(', ')})${at}`
  }
}

function verify(world: World, model: Model): void {
  const wrong = model.isFull ? wrongNow(world, model.precious()) : wrongAtRest(world, model.precious())
  assert.deepEqual(wrong, [])
}
