import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { AwsEc2Api } from '../../../src/drivers/ebs/aws-ec2-api.js'
import { EbsDriver } from '../../../src/drivers/ebs/ebs-driver.js'
import { ebsDriverOptions } from '../../../src/drivers/ebs/ebs-options.js'
import type { MountSource } from '../../../src/drivers/driver.js'
import { pause, startTimer } from '../../../src/host/clock.js'
import { MountHolders } from '../../../src/host/mount-holders.js'
import { readMountTable } from '../../../src/host/mount-table.js'
import { SystemMounter } from '../../../src/host/mounter.js'
import { SystemBlockDevices } from '../../../src/host/system-block-devices.js'
import { parseOptions } from '../../../src/model/options.js'
import type { Attributes, VolumeHandle } from '../../../src/model/volume.js'
import { Journals, requestFor } from '../../conformance/driver-world.js'
import type { Disks, DiskVolume } from '../../ec2/disks.js'
import { Ec2Emulator } from '../../ec2/emulator.js'
import { FakeSysfs } from '../../host/fake-sysfs.js'
import { run, temporaryDirectory } from '../host/mount-fixtures.js'

/** Attached volumes are loop devices, which the sysfs of the instance shows as disks of EBS. */
export class LoopDisks implements Disks {
  readonly directory: string
  readonly #instances = new Map<string, FakeSysfs>()
  readonly #plugged = new Map<string, { readonly path: string; readonly number: string }>()

  constructor(t: Test) {
    this.directory = temporaryDirectory(t)
    t.teardown(() => {
      for (const { path } of this.#plugged.values()) spawnSync('losetup', ['-d', path])
    })
  }

  sysfsOf(instanceId: string): FakeSysfs {
    const known = this.#instances.get(instanceId) ?? new FakeSysfs(join(this.directory, instanceId, 'sys'))
    this.#instances.set(instanceId, known)
    return known
  }

  image({ id, sizeGib }: Pick<DiskVolume, 'id' | 'sizeGib'>): string {
    const path = join(this.directory, id)
    if (existsSync(path)) return path
    writeFileSync(path, '')
    truncateSync(path, sizeGib * 2 ** 30)
    return path
  }

  plug(volume: DiskVolume, instanceId: string): Promise<void> {
    const path = run('losetup', '--show', '-f', this.image(volume)).trim()
    const { rdev } = statSync(path)
    const number = `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`
    this.#plugged.set(volume.id, { path, number })
    const shown = { number, serial: volume.id.replace('-', ''), sizeBytes: volume.sizeGib * 2 ** 30 }
    this.sysfsOf(instanceId).add(basename(path), shown)
    return Promise.resolve()
  }

  unplug(volumeId: string, instanceId: string): Promise<void> {
    const disk = this.#plugged.get(volumeId)
    if (disk === undefined) return Promise.resolve()
    this.#plugged.delete(volumeId)
    this.sysfsOf(instanceId).remove(basename(disk.path), disk.number)
    run('losetup', '-d', disk.path)
    return Promise.resolve()
  }
}

/** Looks of the driver and of the client at what takes EC2 milliseconds here. */
const soon = (ms: number, ...signals: readonly (AbortSignal | undefined)[]) => pause(Math.min(ms, 20), ...signals)

/** A driver on an instance of the emulator, over HTTP, with real disks and mounts. */
export class LoopInstance {
  readonly driver: EbsDriver
  readonly mounter = new SystemMounter()
  readonly journals = new Journals()
  readonly #root: string

  constructor(t: Test, emulator: Ec2Emulator, disks: LoopDisks, host: string) {
    const { cloud, endpoint } = emulator
    const { id: instanceId, zone, type: instanceType } = cloud.addInstance({ tags: { Name: host } })
    this.#root = join(disks.directory, instanceId)
    mkdirSync(join(this.#root, 'work'), { recursive: true })
    const { region } = cloud
    const api = new AwsEc2Api({ region: () => Promise.resolve(region), endpoint, pause: soon })
    t.teardown(() => api.close())
    this.driver = new EbsDriver({
      api,
      devices: new SystemBlockDevices({
        workDirectory: join(this.#root, 'work'),
        sysfs: disks.sysfsOf(instanceId).root,
      }),
      here: { instanceId, instanceType, region, zone },
      owner: { host, cluster: 'prod' },
      defaults: parseOptions(ebsDriverOptions, {}, 'option of driver ebs'),
      readTable: () => readMountTable(),
      findHolders: (device) =>
        new MountHolders().findEach([{ kind: 'filesystem', device }]).then(([found = []]) => found),
      pause: soon,
      startTimer,
      now: () => new Date(cloud.clock.now()),
    })
  }

  async create(name: string, options: Attributes): Promise<VolumeHandle> {
    const request = requestFor(name, { options })
    return (await this.driver.create(request, this.journals.call(request))).handle
  }

  attach(volume: VolumeHandle): Promise<MountSource> {
    return this.driver.attach(volume, this.journals.call(volume))
  }

  /** Attaches and mounts, as core does; resolves to what containers would see. */
  async mount(volume: VolumeHandle): Promise<string> {
    const source = await this.attach(volume)
    if (source.kind !== 'filesystem') throw new Error('a volume of EBS is a disk')
    const mountpoint = this.mountpointOf(volume)
    await this.mounter.mount({ ...source, mountpoint }, this.journals.call(volume))
    return join(mountpoint, source.subdirectory)
  }

  async unmount(volume: VolumeHandle): Promise<void> {
    await this.mounter.unmount(this.mountpointOf(volume), this.journals.call(volume))
  }

  detach(volume: VolumeHandle): Promise<void> {
    return this.driver.detach(volume, this.journals.call(volume))
  }

  mountpointOf({ name }: VolumeHandle): string {
    return join(this.#root, 'mounts', name)
  }
}

/** Two instances of a cluster. Nothing of it reaches further than the loopback. */
export async function startInstances(t: Test) {
  const disks = new LoopDisks(t)
  const emulator = await Ec2Emulator.start(t, { disks, delays: { createMs: 5, attachMs: 5, detachMs: 5 } })
  Object.assign(process.env, emulator.environment())
  const [one, two] = ['host-1', 'host-2'].map((host) => new LoopInstance(t, emulator, disks, host))
  if (one === undefined || two === undefined) throw new Error('there are two')
  return { disks, cloud: emulator.cloud, one, two }
}

/** Of all but the first superblock, in which e2fsck notes that it was there. What was never written is not read. */
export function digestOf(image: string): string {
  const copy = `${image}.copy`
  run('cp', '--sparse=auto', image, copy)
  run('dd', 'if=/dev/zero', `of=${copy}`, 'bs=1024', 'seek=1', 'count=1', 'conv=notrunc', 'status=none')
  const archive = 'tar -cSf - --hole-detection=seek --mtime=@0 -C "$(dirname "$0")" "$(basename "$0")"'
  return run('sh', '-c', `${archive} | sha256sum`, copy)
}
