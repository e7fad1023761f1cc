import assert from 'node:assert/strict'
import { type Fault, moments } from '../fakes/fault-injector.js'
import { type Precious, wrongAtRest, wrongNow } from '../fakes/invariants.js'
import { untold } from '../fakes/story.js'
import { type Kind, World } from '../fakes/world.js'

/** One operation, in a world where it makes sense. */
export interface Operation {
  readonly name: string
  /** Makes the world; resolves to the data that must survive. */
  prepare(world: World, kind: Kind): Promise<readonly Precious[]>
  act(world: World, kind: Kind): Promise<unknown>
  /** Throws unless the operation is done. */
  isDone(world: World, kind: Kind): void
  /** Throws unless there is no trace of the operation: what must hold after it failed without a crash. */
  leavesNothing?(world: World, kind: Kind): void
  /** The policy of the world. */
  readonly policy?: Parameters<typeof World.start>[0]
}

const mostSteps = 60

/** Fails or kills the daemon before and after each step of the operation. Throws at the first thing that is wrong. */
export async function sweep(operation: Operation, kind: Kind): Promise<number> {
  let struck = 0
  for (const how of ['fail', 'crash'] as const) {
    for (const when of moments) {
      for (let step = 0; await trial(operation, kind, { step, when, how }); step++) {
        struck++
        assert.ok(step < mostSteps, 'the operation has no end')
      }
    }
  }
  return struck
}

/** False when the operation has no such step. */
async function trial(operation: Operation, kind: Kind, fault: Fault): Promise<boolean> {
  const world = await World.start(operation.policy)
  const precious = await operation.prepare(world, kind)
  await world.settle()
  const attempt = await world.attempt(() => operation.act(world, kind), fault)
  const { struckAt } = world.faults
  try {
    assert.deepEqual(untold(world), [])
    if (attempt.isCrashed === true) await world.restart()
    else assert.deepEqual(wrongNow(world, precious), [])
    if (attempt.error !== undefined && operation.leavesNothing !== undefined) {
      operation.leavesNothing(world, kind)
      // A detach that failed is a volume that is there: it is ended later.
      const wrong = wrongAtRest(world, precious).filter((one) => !one.endsWith('stays detaching'))
      assert.deepEqual(wrong, [])
    }
    // What was answered with success is there, whatever came after.
    if ('value' in attempt && attempt.error === undefined) operation.isDone(world, kind)
    if (attempt.isCrashed === true) assert.deepEqual(wrongAtRest(world, precious), [])
    await again(operation, world, kind)
    operation.isDone(world, kind)
    await world.reconcile()
    operation.isDone(world, kind)
    assert.deepEqual(wrongAtRest(world, precious), [])
  } catch (thrown) {
    const where = `${fault.how} ${fault.when} step ${fault.step} (${struckAt ?? 'none'}) of ${operation.name}`
    const story = { attempt, log: world.log.lines.slice(-8) }
    throw new Error(`${where}\n${JSON.stringify(story, explain, 1)}`, { cause: thrown })
  }
  return struckAt !== undefined
}

const explain = (_key: string, value: unknown) => (value instanceof Error ? value.message : value)

/** The same call succeeds; or says that there is nothing left to do, and it is done. */
async function again(operation: Operation, world: World, kind: Kind): Promise<void> {
  const { error } = await world.attempt(() => operation.act(world, kind))
  if (error === undefined) return
  try {
    operation.isDone(world, kind)
  } catch {
    throw error
  }
}
