import assert from 'node:assert/strict'
import t from 'tap'
import { type Fault, moments } from '../../fakes/fault-injector.js'
import { named } from '../../fakes/world.js'
import { DaemonOnEbs } from './daemon-on-ebs.js'

/** One operation of a whole daemon with the real driver. */
interface Operation {
  readonly name: string
  prepare(daemon: DaemonOnEbs): Promise<unknown>
  act(daemon: DaemonOnEbs): Promise<unknown>
  /** Throws unless it is done. */
  isDone(daemon: DaemonOnEbs): void
}

const mostSteps = 60

async function withData(daemon: DaemonOnEbs): Promise<void> {
  await daemon.create('pg')
  await daemon.write('pg', 'precious')
}

/** Another host of the cluster has the volume. */
async function heldElsewhere(daemon: DaemonOnEbs): Promise<void> {
  await withData(daemon)
  const { cloud } = daemon.ebs
  const { id: instanceId } = cloud.addInstance({ zone: 'eu-west-1a' })
  for (const { id: volumeId } of cloud.volumes()) cloud.attachVolume({ volumeId, instanceId, device: '/dev/sdf' })
  await cloud.advance(1000)
}

const text = (daemon: DaemonOnEbs) =>
  daemon.diskAt(daemon.world.core.volumes.get(named('pg')).mountpoint ?? 'nowhere').text

const operations: readonly Operation[] = [
  {
    name: 'create',
    prepare: async () => undefined,
    act: (daemon) => daemon.create('pg'),
    isDone: (daemon) => assert.equal(daemon.state('pg'), 'ready'),
  },
  {
    name: 'the first mount, which attaches and formats',
    prepare: (daemon) => daemon.create('pg'),
    act: (daemon) => daemon.world.mount('pg', 'c1'),
    isDone: (daemon) => assert.equal(daemon.diskAt('/mounts/pg').formats, 1),
  },
  {
    name: 'a mount of a volume with data',
    prepare: withData,
    act: (daemon) => daemon.world.mount('pg', 'c1'),
    isDone: (daemon) => assert.equal(text(daemon), 'precious'),
  },
  {
    name: 'unmount and detach',
    prepare: async (daemon) => {
      await withData(daemon)
      await daemon.world.startContainer('pg', 'c1')
      daemon.world.kernel.exit('c1')
    },
    act: async (daemon) => {
      await daemon.world.unmount('pg', 'c1')
      await daemon.world.reconcile()
    },
    isDone: (daemon) => assert.equal(daemon.state('pg'), 'ready'),
  },
  {
    name: 'docker volume rm, which deletes',
    prepare: withData,
    act: (daemon) => daemon.world.core.removal.removeForDocker(named('pg'), daemon.world.call()),
    isDone: (daemon) => assert.equal(daemon.state('pg'), undefined),
  },
  {
    name: 'takeover',
    prepare: heldElsewhere,
    act: (daemon) => daemon.world.core.takeover.run(named('pg'), { isForced: true }, daemon.world.call()),
    isDone: ({ ebs }) => assert.deepEqual(ebs.cloud.volumes()[0]?.attachments, []),
  },
]

/** False when the operation has no such step. */
async function trial(operation: Operation, fault: Fault): Promise<boolean> {
  const daemon = await DaemonOnEbs.start()
  const { world } = daemon
  const isTakeover = operation.name === 'takeover'
  try {
    await operation.prepare(daemon)
    await world.settle()
    const attempt = await world.attempt(() => operation.act(daemon), fault)
    const { struckAt } = world.faults
    const where = `${fault.how} ${fault.when} step ${fault.step} (${struckAt ?? 'none'}) of ${operation.name}`
    try {
      if (attempt.isCrashed === true) await world.restart()
      assert.deepEqual(
        daemon.wrongNow().filter((one) => !(isTakeover && one === 'force was used')),
        [],
      )
      // What was answered with success is there, whatever came after.
      if (attempt.error === undefined && 'value' in attempt) operation.isDone(daemon)
      await again(operation, daemon)
      operation.isDone(daemon)
      if (!isTakeover) await daemon.rest()
      operation.isDone(daemon)
    } catch (cause) {
      throw new Error(`${where}: ${attempt.error?.message ?? ''} ${JSON.stringify(world.log.lines.slice(-5))}`, {
        cause,
      })
    }
    return struckAt !== undefined
  } finally {
    daemon.ebs.cloud.close()
  }
}

/** The same call succeeds, if there is still something to do. */
async function again(operation: Operation, daemon: DaemonOnEbs): Promise<void> {
  if (operation.name.startsWith('docker volume rm') && daemon.state('pg') === undefined) return
  await operation.act(daemon)
  await daemon.ebs.cloud.advance(1000)
}

for (const operation of operations) {
  t.test(
    `EB01 EB30 ${operation.name}: failed or killed at any step it can be repeated, with one volume and one mkfs`,
    async (t) => {
      let struck = 0
      for (const how of ['fail', 'crash'] as const) {
        for (const when of moments) {
          for (let step = 0; await trial(operation, { step, when, how }); step++) {
            struck++
            assert.ok(step < mostSteps, 'the operation has no end')
          }
        }
      }
      t.ok(struck >= 8, `${struck} faults`)
    },
  )
}

t.test('EB17 an unmount is answered while EC2 does not answer, and the volume is detached once it does', async (t) => {
  const daemon = await DaemonOnEbs.start()
  t.teardown(() => daemon.ebs.cloud.close())
  const { world, host, ebs } = daemon
  await withData(daemon)
  await world.startContainer('pg', 'c1')
  world.kernel.exit('c1')
  const { api } = host
  if (api === undefined) throw new Error('no driver was opened')
  api.isSilent = true
  await world.unmount('pg', 'c1')
  t.equal(daemon.state('pg'), 'detaching')
  t.match(ebs.cloud.volumes(), [{ attachments: [{ state: 'attached' }] }])
  api.isSilent = false
  await daemon.rest()
  t.match(ebs.cloud.volumes(), [{ state: 'available', attachments: [] }])
  t.equal(daemon.state('pg'), 'ready')
})

t.test('EB17 a mount that comes while EC2 is still detaching waits for it, and finds the data', async (t) => {
  const daemon = await DaemonOnEbs.start()
  t.teardown(() => daemon.ebs.cloud.close())
  await withData(daemon)
  Object.assign(daemon.ebs.cloud.delays, { detachMs: 20_000 })
  await daemon.world.mount('pg', 'c1')
  await daemon.world.unmount('pg', 'c1')
  await daemon.world.mount('pg', 'c2')
  t.equal(text(daemon), 'precious')
  t.equal(daemon.host.api?.detachments.length, 2, 'that of the first writer, and this one')
})

t.test('EB36 a volume that was detached in the console is told, and mended by the next mount', async (t) => {
  const daemon = await DaemonOnEbs.start()
  t.teardown(() => daemon.ebs.cloud.close())
  const { world, ebs } = daemon
  await withData(daemon)
  await world.startContainer('pg', 'c1')
  for (const { id: volumeId } of ebs.cloud.volumes()) ebs.cloud.detachVolume({ volumeId, isForced: true })
  await ebs.cloud.advance(1000)
  world.kernel.violations.length = 0
  await world.core.lostDisks.run()
  await world.settle()
  t.ok(world.database.events.all.some(({ type }) => type === 'volume.lost'))
  await world.mount('pg', 'c2')
  t.equal(text(daemon), 'precious')
  await world.core.lostDisks.run()
  await world.settle()
  t.ok(world.database.events.all.some(({ type }) => type === 'volume.found'))
  t.same(daemon.wrongNow(), [])
})
