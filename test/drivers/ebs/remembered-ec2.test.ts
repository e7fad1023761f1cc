import t from 'tap'
import { subjectOn, worldOf } from './ebs-subject.js'

t.test('inspect shows what EC2 said last, and asks nothing', async (t) => {
  const world = worldOf(t)
  const host = world.addHost('host-1')
  const subject = subjectOn(host)
  const volume = await subject.make('db')
  const inspect = () => subject.driver.inspect(volume, subject.call(volume))
  host.api?.calls.clear()
  t.match(await inspect(), {
    EBSVolumeID: volume.attributes['volume'],
    AvailiablityZone: 'eu-west-1a',
    State: 'available',
    Size: String(4 * 1024 ** 3),
    Type: 'gp3',
    AttachedTo: '',
  })
  t.equal(host.api?.calls.size, 0)
  await subject.attach(volume)
  t.match(await inspect(), { State: 'in-use', AttachedTo: `${host.instanceId} (attached)` })
  await subject.detach(volume)
  t.match(await inspect(), { State: 'available', AttachedTo: '' })
})

t.test('a daemon that has asked nothing yet shows what the handle says', async (t) => {
  const subject = subjectOn(worldOf(t).addHost('host-1'))
  const volume = await subject.make('db')
  subject.restart()
  t.strictSame(await subject.driver.inspect(volume, subject.call(volume)), {
    EBSVolumeID: volume.attributes['volume'],
    AvailiablityZone: 'eu-west-1a',
  })
  await subject.discover()
  t.match(await subject.driver.inspect(volume, subject.call(volume)), { State: 'available' })
})

t.test('what is deleted is not remembered', async (t) => {
  const subject = subjectOn(worldOf(t).addHost('host-1'))
  const volume = await subject.make('db')
  await subject.remove(volume)
  t.equal((await subject.driver.inspect(volume, subject.call(volume)))['State'], undefined)
})
