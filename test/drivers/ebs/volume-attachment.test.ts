import t from 'tap'
import { failureOf, idOf, setUp } from './host-session.js'

const cluster = 'prod'

t.test('a volume is attached, formatted once and found again with one attachment', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  const source = await one.attach(volume)
  t.match(source, { kind: 'filesystem', fsType: 'ext4', subdirectory: '_data' })
  t.strictSame(await one.attach(volume), source)
  t.equal(one.api.calls.get('AttachVolume'), 1)
  t.match(cloud.volume(idOf(volume)).attachments, [{ instanceId: one.host.instanceId, state: 'attached' }])
  const device = one.host.disks.plugged.get(idOf(volume))
  t.match(source, { source: device?.path, device: device?.number }, 'core can tell what it mounts')
})

t.test(
  'EB11 a device name that the image of the instance maps, and that EC2 does not show, is passed over for good',
  async (t) => {
    const { one, cloud } = setUp(t, { hiddenDevices: ['/dev/sdba', '/dev/xvdbb'] })
    const volume = await one.create()
    await one.attach(volume)
    t.match(cloud.volume(idOf(volume)).attachments, [{ device: '/dev/xvdbc' }])
    const next = await one.create('next')
    await one.attach(next)
    t.equal(one.api.calls.get('AttachVolume'), 4, 'the bad names were not tried again')
  },
)

t.test('EB12 volumes that are attached at once get names of their own', async (t) => {
  const { one, cloud } = setUp(t)
  const volumes = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((name) => one.create(name)))
  await Promise.all(volumes.map((volume) => one.attach(volume)))
  t.equal(new Set(volumes.map((volume) => cloud.volume(idOf(volume)).attachments[0]?.device)).size, 5)
  t.equal(one.api.calls.get('AttachVolume'), 5, 'none collided')
})

t.test('EB13 a volume that is stuck is given 90 s, then detached and attached under another name', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.faults.add({ on: 'AttachVolume', kind: 'stuck', state: 'attaching', device: '/dev/xvdba' })
  const start = cloud.clock.now()
  const attached = one.attach(volume)
  await attached
  const ms = cloud.clock.now() - start
  t.ok(ms > 90_000 && ms < 120_000, `${ms} ms`)
  t.match(cloud.volume(idOf(volume)).attachments, [{ device: '/dev/xvdbb', state: 'attached' }])
  t.equal(one.forced, 0)
})

t.test("EB13 a name on which a volume was stuck is not the next one's, though hardly another is free", async (t) => {
  const { one, cloud } = setUp(t, { type: 'big' })
  cloud.addInstanceType({ name: 'big', instanceDisks: 0 })
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz')
  const names = letters.slice(0, 4).flatMap((first) => letters.map((last) => `/dev/xvd${first}${last}`))
  for (const device of names.filter((name) => name !== '/dev/xvdba' && name !== '/dev/xvdbb')) {
    cloud.attachVolume({ volumeId: cloud.addVolume().id, instanceId: one.host.instanceId, device })
  }
  const [first, second] = [await one.create('first'), await one.create('second')]
  cloud.faults.add({ on: 'AttachVolume', kind: 'stuck', state: 'attaching', device: '/dev/xvdba' })
  await one.attach(first)
  await one.detach(first)
  await one.pass(61_000)
  await one.attach(second)
  t.match(cloud.volume(idOf(second)).attachments, [{ device: '/dev/xvdbb' }])
  t.equal(one.api.calls.get('AttachVolume'), 3)
})

t.test('EB13 the time that a volume is stuck counts on over calls and restarts', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  const start = cloud.clock.now()
  cloud.faults.add({ on: 'AttachVolume', kind: 'stuck', state: 'attaching', times: 1 })
  for (let call = 0; call < 3; call++) {
    t.match(await failureOf(one.attach(volume, 25_000)), { code: 'in-use', message: /EC2 has been attaching it as/ })
    one.restart()
  }
  t.equal(one.api.calls.get('DetachVolume') ?? 0, 0, 'nothing is given up before its time')
  await one.attach(volume, 60_000)
  const ms = cloud.clock.now() - start
  t.ok(ms > 90_000 && ms < 110_000, `${ms} ms`)
  t.match(cloud.volume(idOf(volume)).attachments, [{ state: 'attached' }])
})

t.test('EB13 an attachment that takes a minute is waited for, not given up', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  Object.assign(cloud.delays, { attachMs: 60_000 })
  await one.attach(volume)
  t.equal(one.api.calls.get('AttachVolume'), 1)
  t.equal(one.api.detachments.length, 0)
})

t.test('EB16 a volume whose disk does not come is detached, and attached again under another name', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.faults.add({ on: 'AttachVolume', kind: 'no-disk', times: 1 })
  await one.attach(volume)
  t.match(cloud.volume(idOf(volume)).attachments, [{ device: '/dev/xvdbb' }])
  t.equal(one.forced, 0)
})

t.test(
  'EB16 when no disk ever comes the mount ends in time and says what EC2 says and what this host sees',
  async (t) => {
    const { one, cloud } = setUp(t)
    const volume = await one.create()
    cloud.faults.add({ on: 'AttachVolume', kind: 'no-disk' })
    const start = cloud.clock.now()
    const failure = await failureOf(one.attach(volume, 20_000))
    t.match(failure.message, /EC2 says that it is attached as \/dev\/xvdba, and this host has no such disk/)
    t.ok(cloud.clock.now() - start < 22_000, 'in time')
    t.equal(one.api.detachments.length, 0, 'the next call goes on')
  },
)

t.test('EB16 a disk that comes late is taken', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.faults.add({ on: 'AttachVolume', kind: 'no-disk', forMs: 20_000, times: 1 })
  await one.attach(volume)
  t.equal(one.api.calls.get('AttachVolume'), 1)
})

t.test('EB06 EC2 shows the volume as free while it is attached here: it is used, and not attached again', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  one.restart()
  cloud.faults.add({ on: 'DescribeVolumes', kind: 'hide-attachment' })
  const start = cloud.clock.now()
  await one.attach(volume)
  t.ok(cloud.clock.now() - start < 5000)
  t.equal(one.api.detachments.length, 0)
})

t.test('EB06 what EC2 shows late of an attachment is waited for, and keeps its name', async (t) => {
  const { one, cloud } = setUp(t)
  const [volume, other] = [await one.create(), await one.create('other')]
  await one.pass(60_000)
  Object.assign(cloud.delays, { attachMs: 20_000 })
  cloud.faults.lag('AttachVolume', 10_000)
  await Promise.all([one.attach(volume), one.attach(other)])
  t.equal(new Set([volume, other].map((each) => cloud.volume(idOf(each)).attachments[0]?.device)).size, 2)
  t.equal(one.api.detachments.length, 0)
})

t.test('EB06 attached here by neither view, and not free: the mount waits, and takes nothing by force', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster, type: 'x1.small' })
  cloud.addInstanceType({ name: 'x1.small', mostAttachments: 3, limitType: 'shared', instanceDisks: 0 })
  const volume = await one.create()
  await one.attach(volume)
  cloud.faults.add({ on: 'DescribeVolumes', kind: 'hide-attachment' })
  t.match(await failureOf(two.attach(volume, 10_000)), { code: 'in-use', message: /already attached/ })
  t.equal(two.api.detachments.length, 0)
  cloud.faults.clear()
  t.ok(await two.attach(await two.create('other')), 'it takes no room there')
})

t.test('EB17 a detach that EC2 does not end is waited for, named, and never forced', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  cloud.faults.add({ on: 'DetachVolume', kind: 'stuck', state: 'busy' })
  await one.detach(volume)
  const failure = await failureOf(one.attach(volume, 300_000))
  t.match(failure, { code: 'in-use', message: /being detached from this host, as \/dev\/xvdba \(busy\)/ })
  t.match(failure.hint, /restart this host/)
  t.equal(one.forced, 0)
  await cloud.settle(idOf(volume))
  await one.attach(volume)
})

t.test('EB17 a disk that is mounted here is not detached', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  one.host.mount(idOf(volume))
  t.match(await failureOf(one.detach(volume)), { code: 'in-use', message: /nvme1n1.*is mounted: it stays attached/ })
  t.match(cloud.volume(idOf(volume)).attachments, [{ state: 'attached' }])
})

t.test('EB17 neither is one that only a container still has mounted', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  const { number } = one.host.disks.plugged.get(idOf(volume))!
  one.host.heldByContainers.add(number)
  t.match(await failureOf(one.detach(volume)), { code: 'in-use', hint: /process 77 has it at \/data/ })
  t.match(cloud.volume(idOf(volume)).attachments, [{ state: 'attached' }])
  one.host.heldByContainers.delete(number)
  await one.detach(volume)
  t.match(cloud.volume(idOf(volume)).attachments, [{ state: 'detaching' }])
})

t.test(
  'EB20 while a running host has it the mount waits, then says who has it, since when, and what that host is',
  async (t) => {
    const { one, two, cloud } = setUp(t, { cluster }, { cluster })
    const volume = await one.create()
    await one.attach(volume)
    const failure = await failureOf(two.attach(volume, 100_000))
    const since = new Date(cloud.volume(idOf(volume)).attachments[0]?.sinceMs ?? 0).toISOString()
    t.equal(failure.code, 'in-use')
    t.match(failure.message, `it is attached to ${one.host.instanceId} (host-1) since ${since}, which is running`)
    t.match(failure.hint, /convoy takeover pg/)
    t.equal(two.api.detachments.length, 0)
  },
)

t.test('EB20 a volume that its holder gives back meanwhile is taken', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  cloud.clock.schedule(20_000, () => one.detach(volume))
  t.match(await two.attach(volume), { kind: 'filesystem' })
  t.match(cloud.volume(idOf(volume)).attachments, [{ instanceId: two.host.instanceId }])
  t.equal(two.api.detachments.length, 0)
})

for (const state of ['stopped', 'terminated'] as const) {
  t.test(`EB19 a volume is taken from an instance that is ${state}, after 30 s of it`, async (t) => {
    const { one, two, cloud } = setUp(t, { cluster }, { cluster })
    Object.assign(cloud.delays, { releaseMs: 10 * 60_000 })
    const volume = await one.create()
    await one.attach(volume)
    await cloud.setInstanceState(one.host.instanceId, state)
    t.match(await failureOf(two.attach(volume, 25_000)), { message: new RegExp(`which is ${state}`) })
    t.equal(two.api.detachments.length, 0, 'not before')
    await two.attach(volume)
    t.match(cloud.volume(idOf(volume)).attachments, [{ instanceId: two.host.instanceId, state: 'attached' }])
    t.equal(two.forced, 0, 'it let go without force')
  })
}

t.test('EB18 force is used only where EC2 does not let go of an instance that is stopped', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  await cloud.setInstanceState(one.host.instanceId, 'stopped')
  cloud.faults.add({ on: 'DetachVolume', kind: 'stuck', state: 'detaching', times: 1 })
  await two.attach(volume)
  t.strictSame(
    two.api.detachments.map(({ isForced }) => isForced),
    [false, true],
  )
})

t.test('EB18 an instance that stops and runs again in time keeps its volume', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  await cloud.setInstanceState(one.host.instanceId, 'stopped')
  cloud.clock.schedule(20_000, () => cloud.setInstanceState(one.host.instanceId, 'running'))
  t.match(await failureOf(two.attach(volume)), { message: /which is running/ })
  t.equal(two.api.detachments.length, 0)
})

t.test('EB18 a holder of which EC2 says nothing is never released', async (t) => {
  const { one, two, cloud } = setUp(t, { cluster }, { cluster })
  const volume = await one.create()
  await one.attach(volume)
  cloud.forgetInstance(one.host.instanceId)
  t.match(await failureOf(two.attach(volume, 300_000)), { message: /of which EC2 says nothing/ })
  t.equal(two.api.detachments.length, 0)
})

t.test(
  'EB21 a volume of another zone is refused at once, with both zones, also while somebody there has it',
  async (t) => {
    const { one, two, cloud } = setUp(t, { cluster }, { cluster, zone: 'eu-west-1b' })
    const volume = await one.create()
    await one.attach(volume)
    const start = cloud.clock.now()
    const failure = await failureOf(two.attach(volume))
    t.match(failure, { code: 'invalid-argument', message: /is in zone eu-west-1a, and this host in eu-west-1b/ })
    t.equal(cloud.clock.now(), start)
  },
)

t.test('EB27 what EC2 takes no more of is refused at once, and nothing is left attaching', async (t) => {
  const { one, cloud } = setUp(t, { type: 'x1.small', networkInterfaces: 1 })
  cloud.addInstanceType({ name: 'x1.small', mostAttachments: 3, limitType: 'shared', instanceDisks: 0 })
  const [first, second] = [await one.create('first'), await one.create('second')]
  await one.attach(first)
  const failure = await failureOf(one.attach(second))
  t.match(failure, { code: 'invalid-argument', message: /x1.small takes no more than 2 volumes/ })
  t.equal(one.api.calls.get('AttachVolume'), 1, 'EC2 was not even asked')
  await one.detach(first)
  await one.pass()
  await one.attach(second)
})

t.test('EB27 a limit that only EC2 knows of is passed on as what it is', async (t) => {
  const { one, cloud } = setUp(t, { type: 'x1.small', hiddenDevices: ['/dev/sdb'] })
  cloud.addInstanceType({ name: 'x1.small', mostAttachments: 3, limitType: 'shared', instanceDisks: 0 })
  const volume = await one.create()
  t.match(await failureOf(one.attach(volume)), { code: 'invalid-argument', message: /x1.small takes no more/ })
  t.strictSame(cloud.volume(idOf(volume)).attachments, [])
  await failureOf(one.attach(await one.create('other')))
  t.equal(one.api.calls.get('AttachVolume'), 2, 'the first one takes no room: EC2 was asked about the other')
})

t.test('EB28 what is mounted is attached again while EC2 does not answer', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  const source = await one.attach(volume)
  const other = await one.create('other')
  await one.attach(other)
  one.host.mount(idOf(volume))
  one.restart()
  one.api.isSilent = true
  t.strictSame(await one.attach(volume), source)
  one.host.unmountAll()
  one.host.mount(idOf(other))
  t.match(await failureOf(one.attach(volume)), { code: 'unavailable' }, 'what is not mounted is not')
})

t.test('a volume that was deleted in the console is said to be gone, with what to do', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.deleteVolume(idOf(volume))
  t.match(await failureOf(one.attach(volume)), { code: 'not-found', message: /is deleting in EC2/ })
  await one.pass()
  t.match(await failureOf(one.attach(volume)), { code: 'not-found', hint: /convoy delete --reference pg/ })
})

t.test('EB05 a volume that EC2 does not show yet is waited for', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  cloud.faults.lag('DescribeVolumes', 8000)
  t.ok(await one.attach(volume))
})

t.test('a volume whose tags somebody changed is not attached', async (t) => {
  const { one, cloud } = setUp(t)
  const [taken, bare] = [await one.create(), await one.create('bare')]
  cloud.createTags([idOf(taken)], { 'convoy:host': 'other-host' })
  t.match(await failureOf(one.attach(taken)), { code: 'in-use', message: /by its tags it belongs to other-host/ })
  cloud.deleteTags([idOf(bare)])
  t.match(await failureOf(one.attach(bare)), { code: 'in-use', message: /none of the tags/ })
  t.equal(one.api.calls.get('AttachVolume') ?? 0, 0)
})

t.test('EB36 a disk that went is attached anew, though its mount lingers', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  const before = await one.attach(volume)
  one.host.mount(idOf(volume))
  cloud.detachVolume({ volumeId: idOf(volume) })
  await one.pass()
  const after = await one.attach(volume)
  t.not(after.kind === 'filesystem' && after.device, before.kind === 'filesystem' && before.device)
})

t.test('EB15 a disk that is not the one it was taken for is not used', async (t) => {
  const { one } = setUp(t)
  const volume = await one.create()
  one.faults.arm({ step: 'verify', when: 'before', how: 'fail' })
  t.match(await failureOf(one.attach(volume)), { message: /verify/ })
  t.match(one.host.disks.disk({ id: idOf(volume), sizeGib: 8 }), { formats: 0 })
  await one.attach(volume)
})

t.test('EB15 a disk that EC2 shows on the instance only is verified, too', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  await one.attach(volume)
  cloud.faults.add({ on: 'DescribeVolumes', kind: 'hide-attachment' })
  one.faults.arm({ step: 'verify', when: 'before', how: 'fail' })
  t.match(await failureOf(one.attach(volume)), { message: /verify/ })
})

t.test('a disk of Xen, which has no serial number, is found by the name that EC2 attached it under', async (t) => {
  const { one, cloud } = setUp(t)
  const nameOf = (id: string) => cloud.volume(id).attachments[0]?.device
  one.host.disks.findName = nameOf
  const volume = await one.create()
  t.match(await one.attach(volume), { source: '/dev/xvdba' })
  one.host.mount(idOf(volume))
  one.restart()
  one.api.isSilent = true
  t.match(await one.attach(volume), { source: '/dev/xvdba' }, 'also while EC2 does not answer')
  t.match(await failureOf(one.detach(volume)), { code: 'in-use' }, 'and it is known to be mounted')
  one.api.isSilent = false
  one.host.unmountAll()
  await one.detach(volume)
  await one.pass()
  t.match(await one.attach(volume), { source: '/dev/xvdba' })
  t.equal(one.host.disks.disk({ id: idOf(volume), sizeGib: 8 }).formats, 1)
  await one.detach(volume)
  t.notHas(one.journals.call(volume).journal.notes, { device: '/dev/xvdba' }, "the name is another volume's soon")
})

t.test('a call that ends while EC2 is slow is carried on by the next one', async (t) => {
  const { one, cloud } = setUp(t)
  const volume = await one.create()
  Object.assign(cloud.delays, { attachMs: 12_000 })
  t.match(await failureOf(one.attach(volume, 6000)), { code: 'in-use', hint: /what is under way goes on/ })
  await one.attach(volume, 10_000)
  t.equal(one.api.calls.get('AttachVolume'), 1)
})
