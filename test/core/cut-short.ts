import { named, type World } from '../fakes/world.js'

/** Each state that a crash leaves, how to get there, and what becomes of it. */
export const cutShort = [
  { state: 'creating', crash: 'create-done', when: 'before', act: 'create', becomes: 'ready' },
  { state: 'reviving', crash: 'create-done', when: 'before', act: 'take back', becomes: 'ready' },
  { state: 'undeleting', crash: 'undelete', when: 'after', act: 'undelete', becomes: 'ready' },
  { state: 'attaching', crash: 'mount /mounts', when: 'after', act: 'mount', becomes: 'ready' },
  { state: 'detaching', crash: 'filesystem detach', when: 'after', act: 'unmount', becomes: 'ready' },
  { state: 'forgetting', crash: 'remove-done', when: 'before', act: 'forget', becomes: 'forgotten' },
  { state: 'trashing', crash: 'remove-done', when: 'before', act: 'delete', becomes: 'absent' },
] as const

export type CutShort = (typeof cutShort)[number]

async function operationOf(world: World, act: CutShort['act']): Promise<() => Promise<unknown>> {
  const { removal } = world.core
  if (act === 'create') return () => world.create('db', 'filesystem')
  await world.create('db', 'filesystem')
  await world.write('db', 'kept')
  if (act === 'take back') await removal.forget(named('db'), world.call())
  if (act === 'undelete') await removal.delete(named('db'), world.call())
  if (act === 'unmount') await world.mount('db', 'c1')
  await world.settle()
  const acts = {
    'take back': () => world.create('db', 'filesystem'),
    undelete: () => removal.undelete('db', undefined, world.call()),
    mount: () => world.mount('db', 'c1'),
    unmount: () => world.unmount('db', 'c1'),
    forget: () => removal.forget(named('db'), world.call()),
    delete: () => removal.delete(named('db'), world.call()),
  }
  return acts[act]
}

/** Leaves the volume `db` in that state: the daemon was killed, and the next one has not done anything yet. */
export async function cutShortAt(world: World, { act, crash, when }: CutShort): Promise<void> {
  const operation = await operationOf(world, act)
  await world.attempt(operation, { step: crash, when, how: 'crash' })
  world.begin()
}
