import type { Test } from 'tap'
import type { MountSource } from '../../../src/drivers/driver.js'
import { ConvoyError } from '../../../src/errors.js'
import type { Attributes } from '../../../src/model/volume.js'
import { type DriverStorage, Subject } from '../../conformance/driver-world.js'
import type { VolumeRecord } from '../../ec2/records.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { type EbsHost, EbsWorld } from './ebs-world.js'

/** One host as a storage. */
class HostStorage implements DriverStorage {
  readonly #host: EbsHost
  readonly #options: Attributes

  constructor(host: EbsHost, options: Attributes) {
    this.#host = host
    this.#options = options
  }

  open(faults: FaultInjector) {
    return this.#host.open(faults, this.#options)
  }

  async read(source: MountSource): Promise<string | undefined> {
    return this.#host.disks.at(pathOf(source)).text
  }

  async write(source: MountSource, text: string): Promise<void> {
    this.#host.disks.at(pathOf(source)).text = text
  }

  async plant(): Promise<Attributes> {
    throw new Error('a test puts its volumes into the cloud')
  }

  async readPlanted(): Promise<undefined> {
    return undefined
  }

  async close(): Promise<void> {
    // The world is closed.
  }
}

function pathOf(source: MountSource): string {
  if (source.kind === 'filesystem') return source.source
  throw new Error('a volume of EBS is a disk')
}

/** A daemon on that host, which can be restarted. */
export function subjectOn(host: EbsHost, options: Attributes = {}, newFaults = () => new FaultInjector()): Subject {
  return new Subject(new HostStorage(host, options), newFaults)
}

/** A cloud that ends with the test. */
export function worldOf(t: Test): EbsWorld {
  const world = new EbsWorld()
  t.teardown(() => world.cloud.close())
  return world
}

/** Volumes that are neither deleted nor in the trash nor on their way there. */
export function liveVolumes({ cloud }: EbsWorld, name = 'db'): readonly VolumeRecord[] {
  return cloud
    .volumes()
    .filter(
      ({ state, tags }) => tags['convoy:name'] === name && tags['convoy:state'] === 'live' && state !== 'deleting',
    )
}

/** What was thrown, which must be a ConvoyError. */
export async function refusalOf(promise: Promise<unknown>): Promise<ConvoyError> {
  const thrown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (thrown instanceof ConvoyError) return thrown
  throw new Error('it was not refused', { cause: thrown })
}

/** As core does with a create that failed; resolves to whether there was something. */
export async function undoCreate(subject: Subject, volume: { readonly name: string; readonly id: string }) {
  const handle = { ...volume, attributes: {} } as Parameters<Subject['retire']>[0]
  try {
    await subject.remove(await subject.retire(handle, 'trashed'))
    return true
  } catch (thrown) {
    if (thrown instanceof ConvoyError && thrown.code === 'not-found') return false
    throw thrown
  }
}
