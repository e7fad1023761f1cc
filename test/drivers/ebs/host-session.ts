import type { Test } from 'tap'
import type { CreateRequest, DriverCall, MountSource } from '../../../src/drivers/driver.js'
import type { EbsDriver } from '../../../src/drivers/ebs/ebs-driver.js'
import { ConvoyError } from '../../../src/errors.js'
import type { Attributes, VolumeHandle } from '../../../src/model/volume.js'
import { Journals, requestFor } from '../../conformance/driver-world.js'
import type { CloudEc2 } from '../../fakes/cloud-ec2.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { type EbsHost, EbsWorld } from './ebs-world.js'

/** A daemon's driver on a host, with the journals that outlive it. */
export class HostSession {
  readonly host: EbsHost
  readonly journals = new Journals()
  faults = new FaultInjector()
  driver: EbsDriver

  constructor(host: EbsHost) {
    this.host = host
    this.driver = host.open(this.faults)
  }

  /** Another process: nothing is left of what the driver had in memory. `options`: `ebs.…` of the daemon. */
  restart(options: Attributes = {}): void {
    this.faults.kill()
    this.faults = new FaultInjector()
    this.driver = this.host.open(this.faults, options)
  }

  get api(): CloudEc2 {
    if (this.host.api === undefined) throw new Error('no driver was opened')
    return this.host.api
  }

  /** A call that may take so long, by the time of the cloud. */
  call(volume: { readonly id: string }, ms = 120_000): DriverCall {
    const over = new AbortController()
    this.host.cloud.clock.schedule(ms, async () => over.abort())
    return this.journals.call(volume, over.signal)
  }

  async create(name = 'pg', options: Attributes = {}, more: Partial<CreateRequest> = {}): Promise<VolumeHandle> {
    const isSized = options['id'] === undefined && options['snapshotId'] === undefined
    const request = requestFor(name, { options: { ...(isSized ? { size: '8G' } : {}), ...options }, ...more })
    return (await this.driver.create(request, this.call(request))).handle
  }

  attach(volume: VolumeHandle, ms?: number): Promise<MountSource> {
    return this.driver.attach(volume, this.call(volume, ms))
  }

  detach(volume: VolumeHandle): Promise<void> {
    return this.driver.detach(volume, this.call(volume))
  }

  /** Ready to be looked at: what is under way in EC2 has ended. */
  async pass(ms = 1000): Promise<void> {
    await this.host.cloud.advance(ms)
  }

  get forced(): number {
    return this.api.detachments.filter(({ isForced }) => isForced).length
  }
}

/** A cloud with a host, or several of a cluster. */
export function setUp(t: Test, ...given: readonly Parameters<EbsWorld['addHost']>[1][]) {
  const world = new EbsWorld()
  t.teardown(() => world.cloud.close())
  const settings = given.length === 0 ? [{}] : given
  const sessions = settings.map((one, index) => new HostSession(world.addHost(`host-${index + 1}`, one)))
  const [first, second = sessions[0]] = sessions
  // At least one was given.
  return { world, cloud: world.cloud, one: first as HostSession, two: second as HostSession }
}

export const idOf = ({ attributes }: VolumeHandle): string => attributes['volume'] ?? ''

/** How the promise fails; an error when it does not. */
export async function failureOf(promise: Promise<unknown>): Promise<ConvoyError> {
  const thrown = await promise.then(
    () => new Error('it did not fail'),
    (error: unknown) => error,
  )
  if (thrown instanceof ConvoyError) return thrown
  throw thrown
}
