import t from 'tap'
import type { ErrorCode } from '../../src/errors.js'
import { textOf, wrongAtRest } from '../fakes/invariants.js'
import { named, World } from '../fakes/world.js'
import { type CutShort, cutShort, cutShortAt } from './cut-short.js'

const operations = {
  create: (world: World) => world.create('db', 'filesystem'),
  mount: (world: World) => world.mount('db', 'c9'),
  unmount: (world: World) => world.unmount('db', 'c9'),
  delete: (world: World) => world.core.removal.delete(named('db'), world.call()),
  undelete: (world: World) => world.core.removal.undelete('db', undefined, world.call()),
}

type Outcome = ErrorCode | 'ready' | 'attached' | 'absent' | 'unchanged'

/** What the next operation finds and leaves, before recovery has come to the volume. */
const outcomes: Readonly<Record<CutShort['state'], Readonly<Record<keyof typeof operations, Outcome>>>> = {
  creating: { create: 'ready', mount: 'attached', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  reviving: { create: 'ready', mount: 'attached', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  undeleting: { create: 'ready', mount: 'attached', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  attaching: { create: 'ready', mount: 'attached', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  detaching: { create: 'ready', mount: 'attached', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  forgetting: { create: 'ready', mount: 'not-found', unmount: 'unchanged', delete: 'absent', undelete: 'not-found' },
  trashing: { create: 'ready', mount: 'not-found', unmount: 'unchanged', delete: 'not-found', undelete: 'not-found' },
}

for (const one of cutShort) {
  for (const operation of Object.keys(operations) as (keyof typeof operations)[]) {
    const outcome = outcomes[one.state][operation]
    t.test(`${operation} of a volume that a crash left ${one.state}: ${outcome}`, async (t) => {
      const world = await World.start()
      await cutShortAt(world, one)
      const id = world.ledger.volumes.get(named('db'))?.id ?? ''
      const text = textOf(world, id)
      const { error } = await world.attempt<unknown>(() => operations[operation](world))
      if (outcome === 'unchanged') t.equal(world.state('db'), one.state)
      else if (['ready', 'attached', 'absent'].includes(outcome))
        t.equal(world.state('db'), outcome, error?.message ?? '')
      else t.equal(error?.code, outcome)
      await world.recover()
      t.same(wrongAtRest(world, []), [])
      t.equal(textOf(world, id), text, 'and no data is lost')
    })
  }
}

t.test('a volume whose file system somebody uses becomes attached again, not detached', async (t) => {
  const world = await World.start()
  await world.create('db', 'filesystem')
  await world.startContainer('db', 'c1')
  world.kernel.exit('c1')
  await world.attempt(() => world.unmount('db', 'c1'), { step: 'unmount-intent', when: 'after', how: 'crash' })
  world.begin()
  t.equal(world.state('db'), 'detaching')
  world.kernel.busy.add('/mounts/db')
  await world.recover()
  t.match(world.core.volumes.get(named('db')), { state: 'attached', mountpoint: '/mounts/db/_data' })
  world.kernel.busy.clear()
  await world.reconcile()
  t.equal(world.state('db'), 'ready')
})
