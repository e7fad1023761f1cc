import assert from 'node:assert/strict'
import { hourMs } from '../../fakes/fake-clock.js'
import { untold } from '../../fakes/story.js'
import { named, World } from '../../fakes/world.js'
import { type EbsHost, EbsWorld } from './ebs-world.js'

const cluster = 'prod'

/** A whole daemon on an instance, in a cloud. */
export class DaemonOnEbs {
  readonly ebs: EbsWorld
  readonly world: World
  readonly host: EbsHost

  private constructor(ebs: EbsWorld, world: World, host: EbsHost) {
    this.ebs = ebs
    this.world = world
    this.host = host
  }

  static async start(): Promise<DaemonOnEbs> {
    const ebs = new EbsWorld()
    const world = World.unstarted({ onDockerRemove: 'delete', trashRetentionMs: 0 })
    const host = ebs.addHost('this-host', { cluster })
    host.disks.kernel = world.kernel
    host.readTable = async () => world.kernel.hostMounts
    world.openMore = (faults) => [host.open(faults)]
    await world.restart()
    return new DaemonOnEbs(ebs, world, host)
  }

  create(name: string, options: Readonly<Record<string, string>> = {}) {
    return this.world.core.volumes.create(named(name), { driver: 'ebs', size: '8G', ...options }, this.world.call())
  }

  /** The disk below a mountpoint. */
  diskAt(mountpoint: string) {
    const { device } = this.world.kernel.resolve(mountpoint)
    return this.host.disks.at(device ?? `nothing at ${mountpoint}`)
  }

  async write(name: string, text: string): Promise<void> {
    this.diskAt(await this.world.mount(name, 'writer')).text = text
    await this.world.unmount(name, 'writer')
    await this.ebs.cloud.advance(1000)
  }

  /** What is wrong with this world, whatever was cut short. */
  wrongNow(): readonly string[] {
    const { world, ebs, host } = this
    const formats = [...host.disks.all]
      .filter(([, { formats }]) => formats > 1)
      .map(([id]) => `${id} was formatted twice`)
    const forced = host.apis
      .flatMap(({ detachments }) => detachments)
      .filter(({ isForced }) => isForced)
      .map(() => 'force was used')
    const names = ebs.cloud.volumes().map(({ tags }) => tags['convoy:name'] ?? 'nothing')
    const doubled = names.filter((name, index) => names.indexOf(name) !== index).map((name) => `two volumes "${name}"`)
    return [...world.kernel.violations, ...formats, ...forced, ...doubled, ...untold(world)]
  }

  /** What is wrong once nothing is under way. */
  wrongAtRest(): readonly string[] {
    const { world, ebs, host } = this
    const rows = [...world.ledger.volumes.values()]
    const known = new Set(rows.map(({ attributes }) => attributes['volume']))
    const attached = ebs.cloud
      .volumes()
      .filter(({ attachments }) => attachments.some(({ instanceId }) => instanceId === host.instanceId))
    const held = new Set(rows.flatMap(({ state, attributes }) => (state === 'attached' ? attributes['volume'] : [])))
    return [
      ...this.wrongNow(),
      ...rows.filter(({ state }) => state.endsWith('ing')).map(({ name, state }) => `"${name}" stays ${state}`),
      ...ebs.cloud
        .volumes()
        .filter(({ id }) => !known.has(id))
        .map(({ id }) => `${id} is leaked`),
      ...attached.filter(({ id }) => !held.has(id)).map(({ id }) => `${id} stays attached`),
    ]
  }

  /** The daemon puts right what it can, and EC2 ends what is under way. */
  async rest(): Promise<void> {
    const { world, ebs } = this
    for (let round = 0; round < 3; round++) {
      await world.reconcile()
      // A removal that failed is tried again an hour later.
      if (world.ledger.trash.size > 0) world.clock.advance(hourMs)
      await world.core.trash.sweep(world.call())
      await world.finishJobs()
      await ebs.cloud.advance(5000)
    }
    assert.deepEqual(this.wrongAtRest(), [])
  }

  state(name: string): string | undefined {
    return this.world.ledger.volumes.get(named(name))?.state
  }
}
