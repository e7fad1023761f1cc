import { readdirSync, readFileSync } from 'node:fs'

export interface CpuTime {
  /** On a processor, all threads together. */
  readonly runningMs: number
  /** Ready to run, but other work had the processors. */
  readonly waitingMs: number
}

/** How long the threads of a process have run and waited so far; threads that have ended do not count. */
export function readCpuTime(pid: number): CpuTime {
  const threads = readdirSync(`/proc/${pid}/task`).map((thread) => {
    const [running = 0, waiting = 0] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8')
      .split(' ')
      .map(Number)
    return { running, waiting }
  })
  const sum = (key: 'running' | 'waiting'): number => threads.reduce((total, thread) => total + thread[key], 0) / 1e6
  return { runningMs: sum('running'), waitingMs: sum('waiting') }
}

/** Every remove looks at all of them for whoever mounts the volume. */
export function countThreads(): number {
  const processes = readdirSync('/proc').filter((name) => /^\d/.test(name))
  return processes.reduce((sum, pid) => sum + threadsOf(pid), 0)
}

function threadsOf(pid: string): number {
  try {
    return readdirSync(`/proc/${pid}/task`).length
  } catch {
    // It has ended.
    return 0
  }
}
