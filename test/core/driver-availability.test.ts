import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { World } from '../fakes/world.js'

t.test('one storage of a driver may be away while its others answer', async (t) => {
  const { availability } = (await World.start()).core
  availability.noteFailure('vfs', new ConvoyError('unavailable', 'silent'), 'nas:/a')
  t.same(
    [undefined, 'nas:/a', 'nas:/b'].map((storage) => availability.isAway('vfs', storage)),
    [false, true, false],
  )
  t.same([...availability.reasons], [['vfs', 'silent']])
  availability.noteFailure('vfs', new ConvoyError('unavailable', 'silent too'), 'nas:/c')
  t.same([...availability.reasons], [['vfs', 'silent; silent too']])
  availability.noteAnswer('vfs', 'nas:/c')
  availability.noteAnswer('vfs')
  t.ok(availability.isAway('vfs', 'nas:/a'), 'another has answered')
  availability.noteAnswer('vfs', 'nas:/a')
  t.notOk(availability.isAway('vfs', 'nas:/a'))
})
