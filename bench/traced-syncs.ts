import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'

export const syncTargets = ['log', 'new file', 'directory'] as const
export type SyncCounts = Readonly<Record<(typeof syncTargets)[number], number>>

/** Attaches strace to the processes while `act` runs, and counts their fsync and fdatasync calls by what they sync. */
export async function countSyncs(
  pids: readonly number[],
  directory: string,
  act: () => Promise<void>,
): Promise<SyncCounts> {
  const output = join(directory, 'strace')
  const trace = ['-f', '-y', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', output]
  const strace = spawn('strace', [...trace, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(strace, 'exit')
  await untilAttached(strace.stderr, pids)
  try {
    await act()
  } finally {
    strace.kill('SIGINT')
    await ended
  }
  const counts = count(readFileSync(output, 'utf8'))
  rmSync(output)
  return counts
}

async function untilAttached(stderr: Readable, pids: readonly number[]): Promise<void> {
  let said = ''
  await new Promise<void>((resolve, reject) => {
    stderr.on('data', (data) => {
      said += String(data)
      if (pids.every((pid) => said.includes(`Process ${pid} attached`))) resolve()
    })
    stderr.on('end', () => reject(new Error(`strace did not attach: ${said}`)))
  })
}

function count(text: string): SyncCounts {
  const counts = { log: 0, 'new file': 0, directory: 0 }
  for (const line of text.split('\n')) {
    const path = /^\d+ +(?:fsync|fdatasync|sync_file_range|msync)\([^<]*<([^>]*)>/.exec(line)?.[1]
    if (path !== undefined) counts[targetOf(path)]++
  }
  return counts
}

function targetOf(path: string): (typeof syncTargets)[number] {
  if (path.endsWith('.partial')) return 'new file'
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? 'directory' : 'log'
}
