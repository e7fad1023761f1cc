import { readFileSync } from 'node:fs'

/** A process that cannot be mistaken for a later one with its pid. */
export interface ProcessIdentity {
  readonly pid: number
  /** Clock ticks since boot, so it identifies only together with {@link bootId}. */
  readonly startTime: string
}

/** Of a running process; `undefined` for none and for a zombie, which does nothing any more. */
export function readStartTime(pid: number): string | undefined {
  try {
    return parseStartTime(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return undefined
  }
}

/** Whether that process, not only one with its pid, still runs. */
export function isSameProcess({ pid, startTime }: ProcessIdentity): boolean {
  return readStartTime(pid) === startTime
}

/** Another one after each boot of the host: what depends on kernel state is void when it changes. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

/** Field 22 of /proc/<pid>/stat. The name, field 2, may hold spaces and parentheses, so counting starts behind its last `)`. */
export function parseStartTime(stat: string): string | undefined {
  const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const startTime = fields[18]
  if (state === 'Z' || state === 'X' || startTime === undefined || !/^\d+$/.test(startTime)) return undefined
  return startTime
}
