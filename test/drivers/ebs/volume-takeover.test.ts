import t from 'tap'
import type { VolumeHandle } from '../../../src/model/volume.js'
import { failureOf, type HostSession, idOf, setUp } from './host-session.js'

const cluster = 'prod'

const holderOf = ({ driver, ...session }: HostSession, volume: VolumeHandle) =>
  driver.takeover.holderOf(volume, session.journals.call(volume))

const seize = (session: HostSession, volume: VolumeHandle, ms?: number) =>
  session.driver.takeover.seize(volume, session.call(volume, ms))

t.test('nobody has a volume that is free, or that this host has', async (t) => {
  const { one } = setUp(t, { cluster })
  const volume = await one.create()
  t.equal(await holderOf(one, volume), undefined)
  await one.attach(volume)
  t.equal(await holderOf(one, volume), undefined)
  await seize(one, volume)
  t.equal(one.forced, 0, 'what this host has is not taken from it')
})

t.test('EB20 who has it, since when, and what that host is', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  const since = new Date(cloud.volume(idOf(volume)).attachments[0]?.sinceMs ?? 0).toISOString()
  const host = `${one.host.instanceId} (host-1)`
  t.strictSame(await holderOf(two, volume), { host, since, state: 'running' })
  cloud.forgetInstance(one.host.instanceId)
  t.match(await holderOf(two, volume), { host: one.host.instanceId, state: 'unknown to EC2' })
})

t.test('EB18 an operator takes it from a running host by force, and it is free then', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  await seize(two, volume)
  t.strictSame(cloud.volume(idOf(volume)).attachments, [])
  t.strictSame(two.api.detachments, [{ volumeId: idOf(volume), instanceId: one.host.instanceId, isForced: true }])
  await two.attach(volume)
})

t.test('EB18 a takeover that EC2 does not end in time says so, and goes on when it is asked again', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  Object.assign(cloud.delays, { detachMs: 20_000 })
  const failure = await failureOf(seize(two, volume, 10_000))
  t.match(failure, { code: 'deadline-exceeded', hint: /run the same command again/ })
  t.equal(two.api.detachments.length, 1, 'EC2 was asked once')
  await seize(two, volume, 60_000)
  t.strictSame(cloud.volume(idOf(volume)).attachments, [])
})

t.test("S13 a volume that by its tags is somebody else's by now is not taken from them", async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  cloud.createTags([idOf(volume)], { 'convoy:cluster': 'other' })
  t.match(await failureOf(holderOf(two, volume)), { code: 'in-use' })
  t.match(await failureOf(seize(two, volume)), { code: 'in-use' })
  t.equal(two.api.detachments.length, 0)
})

t.test('a volume that is gone is said to be gone', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.deleteVolume(idOf(volume))
  await one.pass()
  t.match(await failureOf(seize(one, volume)), { code: 'not-found', hint: /convoy delete --reference pg/ })
})
