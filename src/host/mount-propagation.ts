import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { findCovering, parseMountTable } from './mount-table.js'

/**
 * What Docker sees of mounts that another process makes at a place, by the tables of both. `shared`: all of them, also containers
 * that run already; `seen`: Docker does, running containers do not; `hidden`: Docker does not.
 */
export type Propagation = 'shared' | 'seen' | 'hidden'

/** A process with the mounts that it sees. */
export interface MountView {
  readonly namespace: string
  /** As in /proc/<pid>/mountinfo. */
  readonly mountInfo: string
}

/** `undefined` for a process that has gone or that may not be looked at. */
export function readMountView(pid: number): MountView | undefined {
  try {
    const namespace = readlinkSync(`/proc/${pid}/ns/mnt`)
    return { namespace, mountInfo: readFileSync(`/proc/${pid}/mountinfo`, 'utf8') }
  } catch {
    return undefined
  }
}

/** The engines of this host; where none can be seen, the first process stands for them. */
export function readDockerViews(): readonly MountView[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry) && commandOf(entry) === 'dockerd')
  return (pids.length === 0 ? ['1'] : pids).flatMap((pid) => readMountView(Number(pid)) ?? [])
}

/** How mounts below `path` travel from one process to the best placed of the others. */
export function propagationOf(path: string, from: MountView, to: readonly MountView[]): Propagation {
  const group = peerGroupAt(path, from)
  if (to.some(({ namespace }) => namespace === from.namespace)) return group === undefined ? 'seen' : 'shared'
  if (group === undefined) return 'hidden'
  return to.some(({ mountInfo }) => receivesFrom(mountInfo, group)) ? 'shared' : 'hidden'
}

/** The group whose members show each other's mounts, or nothing for a private place. */
function peerGroupAt(path: string, { mountInfo }: MountView): string | undefined {
  const covering = findCovering(parseMountTable(mountInfo), path)
  if (covering === undefined) return undefined
  const line = mountInfo.split('\n').find((one) => one.startsWith(`${covering.mountId} `)) ?? ''
  return propagationFields(line)
    .find((field) => field.startsWith('shared:'))
    ?.slice('shared:'.length)
}

function receivesFrom(mountInfo: string, group: string): boolean {
  const wanted = [`shared:${group}`, `master:${group}`]
  return mountInfo.split('\n').some((line) => propagationFields(line).some((field) => wanted.includes(field)))
}

/** The optional fields of a line, see proc(5): the seventh up to a dash. */
function propagationFields(line: string): readonly string[] {
  const fields = line.split(' ')
  return fields.slice(6, fields.indexOf('-', 6))
}

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim()
  } catch {
    return ''
  }
}
