import { pause } from '../src/host/clock.js'
import { formatVolumeTags } from '../src/drivers/ebs/volume-tags.js'
import type { VolumeHandle } from '../src/model/volume.js'
import { newId, named } from '../test/conformance/driver-world.js'
import { FakeBlockDevices, FakeDisks } from '../test/fakes/fake-disks.js'
import { FaultInjector } from '../test/fakes/fault-injector.js'
import { EbsBenchHost } from './ebs-host.js'
import { Samples } from './statistics.js'

const volumes = 100
/** Of each action; twice as many at once. */
const perSecond = 2

export interface ManyAtOnce {
  readonly volumes: number
  readonly times: Samples
  readonly failures: readonly string[]
  readonly seconds: number
  /** Action → requests, and how many of them EC2 throttled. */
  readonly calls: ReadonlyMap<string, { readonly made: number; readonly throttled: number }>
}

/** So many mounts at once on one host, where EC2 grants few requests. Its disks are false: what is measured are the requests. */
export async function attachManyAtOnce(): Promise<ManyAtOnce> {
  let disks: FakeDisks | undefined
  const host = await EbsBenchHost.start({
    disks: (instanceId) => (disks = new FakeDisks(instanceId)),
    devices: () => new FakeBlockDevices({ disks: disks ?? new FakeDisks(''), faults: new FaultInjector(), pause }),
    delays: { attachMs: 200 },
  })
  try {
    return await attachAll(host, disks ?? new FakeDisks(''))
  } finally {
    await host.close()
  }
}

async function attachAll(host: EbsBenchHost, disks: FakeDisks): Promise<ManyAtOnce> {
  const { cloud, calls } = host.emulator
  for (let index = 0; index < volumes; index++) {
    const tags = tagsOf(`volume-${index}`, cloud.clock.now())
    disks.disk(cloud.addVolume({ tags })).content = { kind: 'file-system', fsType: 'ext4' }
  }
  const handles: VolumeHandle[] = []
  const context = { signal: new AbortController().signal, log: host.journals.log }
  for await (const { handle } of host.driver.discover(undefined, context)) handles.push(handle)
  for (const action of ['AttachVolume', 'DescribeVolumes', 'DescribeInstances', 'DescribeInstanceTypes'] as const)
    cloud.faults.limit(action, { perSecond, burst: 2 * perSecond })
  calls.clear()
  const start = performance.now()
  const times = new Samples()
  const failures: string[] = []
  await Promise.all(
    handles.map((handle) =>
      times
        .time(() => host.driver.attach(handle, host.journals.call(handle)))
        .catch((error: unknown) => void failures.push(String(error))),
    ),
  )
  const seconds = (performance.now() - start) / 1000
  return { volumes: handles.length, times, failures, seconds, calls: summarise(host) }
}

function tagsOf(name: string, nowMs: number) {
  const createdAt = new Date(nowMs).toISOString()
  const whose = { name: named(name), id: newId(), host: 'bench', origin: 'created', state: 'live' } as const
  return formatVolumeTags({ ...whose, createdAt, options: {} })
}

function summarise({ emulator }: EbsBenchHost): ManyAtOnce['calls'] {
  const actions = new Set(emulator.calls.all.map(({ action }) => action))
  return new Map(
    [...actions].map((action) => {
      const codes = emulator.calls.codes(action)
      return [action, { made: codes.length, throttled: codes.filter((code) => code !== 'ok').length }]
    }),
  )
}
