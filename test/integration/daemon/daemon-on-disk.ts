import t, { type Test } from 'tap'
import { DaemonProcess, type DaemonSettings, mainProgram } from '../../daemon/daemon-process.js'
import { eventually } from '../../engine/polling.js'
import { requirements } from '../requirements.js'
import { ext4DiskNeeds, SmallDisk } from '../small-disk.js'

/** The options for each `t.test` of this folder. */
export const needs = requirements(t, ext4DiskNeeds)

export interface DaemonOnDisk {
  readonly daemon: DaemonProcess
  readonly disk: SmallDisk
  readonly settings: DaemonSettings
}

interface DiskSettings {
  /** What is on the disk; the other is elsewhere. */
  readonly holds: 'root' | 'volumes'
  readonly mebibytes?: number
  /** Arguments of mkfs.ext4. */
  readonly make?: readonly string[]
}

/** A daemon that is not started yet, and a disk of its own for a part of what it has. Deleted volumes are removed at once. */
export async function daemonOnDisk(t: Test, { holds, ...size }: DiskSettings): Promise<DaemonOnDisk> {
  const daemon = new DaemonProcess(t)
  const disk = await SmallDisk.ext4(t, daemon[holds], size)
  const launch = [...disk.inside, process.execPath, mainProgram]
  return { daemon, disk, settings: { launch, args: ['--trash-retention', '0'] } }
}

/** What the daemon lists. */
export async function names(daemon: DaemonProcess): Promise<readonly string[]> {
  return (await daemon.plugin.list()).map(({ Name }) => Name).sort()
}

/** Starts the daemon again with a clock that is ahead: a removal that failed is tried again after an hour. */
export async function restartLater({ daemon, settings }: DaemonOnDisk, hours: number): Promise<void> {
  const clock = new URL('../../engine/clock-ahead.js', import.meta.url).href
  const env = { NODE_OPTIONS: `--import=${clock}`, CONVOY_TEST_AHEAD_MS: String(hours * 3_600_000) }
  await daemon.stop()
  await daemon.start({ ...settings, env })
}

export interface JobReport {
  readonly state: string
  readonly error?: string
}

/** The newest of so many jobs, once it has ended. */
export function endedJob(daemon: DaemonProcess, count: number): Promise<JobReport> {
  return eventually('the removal has ended', async () => {
    // As /v1/jobs says it, newest first.
    const jobs = JSON.parse((await daemon.control('GET', '/v1/jobs')).text) as readonly JobReport[]
    const [job] = jobs
    return job !== undefined && jobs.length === count && /succeeded|failed/.test(job.state) && job
  })
}
