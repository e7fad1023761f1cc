import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { createCore } from '../core/core.js'
import type { Policy } from '../core/core-deps.js'
import { VolumeLocks } from '../core/volume-locks.js'
import { DriverRegistry, type DriverSetup, driverKinds } from '../drivers/registry.js'
import type { ConvoyError } from '../errors.js'
import { startTimer } from '../host/clock.js'
import { DockerContainers } from '../host/docker-containers.js'
import { DockerEngine } from '../host/docker-engine.js'
import { FailedContainers } from '../host/failed-containers.js'
import { MountHolders } from '../host/mount-holders.js'
import { findMountsHidden } from '../host/mount-visibility.js'
import { type DiskMounter, SystemMounter } from '../host/mounter.js'
import { bootId } from '../host/process-identity.js'
import { Supervisor } from '../host/supervisor.js'
import { SystemJobProcesses } from '../host/system-job-processes.js'
import { KernelVolumeHolders } from '../host/volume-holders.js'
import type { Logger } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { Ledger } from '../store/ledger.js'
import type { DaemonConfig } from './config.js'
import type { Configuration } from './configuration.js'
import type { Failpoints } from './failpoints.js'
import { awsVariables, type JobConfiguration } from './job-process.js'
import { Listeners } from './listeners.js'
import { Notifying } from './notifying.js'
import { Upkeep } from './upkeep.js'

/** Docker's next request often comes within a few ms of an answer. */
const soonMs = 200

/** What the process gives to its work. */
export interface Surroundings {
  /** Of this program. */
  readonly version: string
  readonly log: Logger
  readonly stop: Promise<string>
  readonly failpoints: Failpoints
}

/** Opens the drivers, answers until `stop`, and closes all it opened; resolves to the exit code. */
export async function serve(configuration: Configuration, ledger: Ledger, around: Surroundings): Promise<number> {
  const { log, stop } = around
  const config = configuration.current
  const hostId = await ensureHostId(ledger)
  const isFirstStart = ledger.degraded === undefined && ledger.setting('discovered') !== 'yes'
  const drivers = await openDrivers(config, { hostId, isFirstStart }, around)
  const supervisor = new Supervisor(process.env)
  const mounter = new SystemMounter()
  const mountRefusal = supervisor.isThere ? await testMounts(mounter, config, log) : undefined
  const core = createCore({
    ...coreDeps({ configuration, ledger, drivers, hostId, mounter, log }),
    ...optional('mountRefusal', mountRefusal),
  })
  const notifying = new Notifying({ name: config.name, events: core.events, ledger, hostId, log })
  const listeners = new Listeners(configuration, { version: around.version, core, notifications: notifying, log })
  const upkeep = new Upkeep({ core, ledger, notifying, log })
  try {
    if (ledger.degraded === undefined) await core.recovery.voidAfterReboot()
    await listeners.open()
    await notifying.follow(config.notify)
    configuration.onChange(({ notify }) => void notifying.follow(notify))
    core.events.note('daemon.start', { pid: process.pid })
    log.info({ name: config.name, volumes: core.volumes.list().length, pid: process.pid }, 'ready')
    greet(config)
    supervisor.ready(ledger.degraded?.sentence ?? mountRefusal?.sentence ?? 'serving volumes')
    if (ledger.degraded === undefined) upkeep.start()
    else core.rebuild.onMended(() => upkeep.start())
    configuration.onChange(() => {
      if (ledger.degraded === undefined) core.jobs.startQueued()
    })
    // Only now: how much is logged may have changed meanwhile.
    const signal = await stop
    log.info({ signal }, 'stopping; volumes stay mounted')
    supervisor.stopping()
    return 0
  } finally {
    await upkeep.stop()
    await notifying.stop()
    await listeners.close()
    core.jobs.close()
    await Promise.all(drivers.all.map((driver) => driver.close()))
  }
}

interface Parts {
  readonly configuration: Configuration
  readonly ledger: Ledger
  readonly drivers: DriverRegistry
  readonly hostId: string
  readonly mounter: DiskMounter
  readonly log: Logger
}

function coreDeps({ configuration, ledger, drivers, hostId, mounter, log }: Parts): Parameters<typeof createCore>[0] {
  const config = configuration.current
  const ofJobs: JobConfiguration = {
    root: config.root,
    hostId,
    ...optional('cluster', config.cluster),
    drivers: Object.fromEntries(config.drivers),
    environment: awsVariables(process.env),
  }
  return {
    ledger,
    drivers,
    mounter,
    holders: new KernelVolumeHolders(new MountHolders()),
    containers: new DockerContainers(config.name, log),
    failedContainers: new FailedContainers(new DockerEngine(), config.name),
    jobProcesses: new SystemJobProcesses({
      root: join(config.root, 'jobs'),
      command: [process.execPath, process.argv[1] ?? '', 'job-process'],
      configuration: JSON.stringify(ofJobs),
    }),
    locks: new VolumeLocks(),
    hostId,
    bootId: bootId(),
    now: () => new Date(),
    soon: (act) => void startTimer(soonMs, act),
    newId: randomUUID,
    policy: policyOf(configuration),
    log,
  }
}

/** A unit with one setting too many hides what we mount, and nothing else would tell. Resolves to what is wrong. */
async function testMounts(mounter: DiskMounter, { root }: DaemonConfig, log: Logger): Promise<ConvoyError | undefined> {
  const call = { signal: AbortSignal.timeout(20_000), log }
  try {
    const hidden = await findMountsHidden({ mounter, directory: join(root, 'mounts', '.self-test') }, call)
    if (hidden !== undefined)
      log.error({ err: hidden, hint: hidden.hint }, 'the self-test failed: nothing will be mounted')
    return hidden
  } catch (thrown) {
    log.warn({ err: thrown }, 'could not test whether Docker sees what we mount')
    return undefined
  }
}

/** What it says follows the configuration. */
function policyOf(configuration: Configuration): Policy {
  return {
    get onDockerRemove() {
      return configuration.current.onDockerRemove
    },
    get trashRetentionMs() {
      return configuration.current.trashRetentionMs
    },
    get mostRunningJobs() {
      return configuration.current.mostRunningJobs
    },
    get reviveContainers() {
      return configuration.current.reviveContainers
    },
    get eventRetention() {
      return configuration.current.eventRetention
    },
    get profiles() {
      return configuration.current.profiles
    },
    mountRoot: join(configuration.current.root, 'mounts'),
  }
}

type Opening = Pick<DriverSetup, 'hostId' | 'isFirstStart'>

async function openDrivers(config: DaemonConfig, opening: Opening, { log, failpoints }: Surroundings) {
  const place = { root: config.root, ...opening, ...optional('cluster', config.cluster) }
  const opened = [...config.drivers].map(async ([name, options]) => {
    // parseDaemonConfig has refused names that are not there.
    const kind = driverKinds[name]
    return kind === undefined
      ? []
      : [failpoints.driver(await kind.open({ options, ...place, now: () => new Date(), log }))]
  })
  return new DriverRegistry((await Promise.all(opened)).flat())
}

async function ensureHostId(ledger: Ledger): Promise<string> {
  const known = ledger.setting('host-id')
  if (known !== undefined) return known
  const hostId = randomUUID()
  // A degraded ledger keeps nothing, until it is rebuilt.
  if (ledger.degraded === undefined) await ledger.commit('start', { put: 'setting', key: 'host-id', value: hostId })
  return hostId
}

/** For whoever started us by hand. The log goes to standard error. */
function greet({ name, drivers }: DaemonConfig): void {
  if (!process.stdout.isTTY && process.env['npm_lifecycle_event'] !== 'start') return
  process.stdout.write(
    `convoy serves Docker volumes (driver ${[...drivers.keys()].join(', ')}). Try:\n` +
      `  docker run --rm -v db:/data --volume-driver ${name} busybox sh -c 'echo hello > /data/f'\n`,
  )
}
