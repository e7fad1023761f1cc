import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { SyncKind } from './sync-cost.js'

export type SyncCounts = Readonly<Record<SyncKind, number>>

/** Attaches strace to the processes while `act` runs, and counts their fsync and fdatasync calls by what they sync. */
export async function countSyncs(pids: readonly number[], directory: string, act: () => Promise<void>): Promise<SyncCounts> {
  const output = join(directory, 'strace')
  const trace = ['-f', '-y', '-e', 'trace=fsync,fdatasync,sync_file_range,msync', '-o', output]
  const strace = spawn('strace', [...trace, ...pids.flatMap((pid) => ['-p', String(pid)])], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await untilAttached(strace.stderr, pids)
  const ended = once(strace, 'exit')
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

async function untilAttached(stderr: NodeJS.ReadableStream, pids: readonly number[]): Promise<void> {
  const missing = new Set(pids.map((pid) => `Process ${pid} attached`))
  let said = ''
  for await (const data of stderr.iterator({ destroyOnReturn: false })) {
    said += String(data)
    for (const words of missing) if (said.includes(words)) missing.delete(words)
    if (missing.size === 0) return
  }
  throw new Error(`strace did not attach: ${said}`)
}

function count(text: string): SyncCounts {
  const counts = { append: 0, 'new file': 0, directory: 0 }
  for (const line of text.split('\n')) {
    const path = /^\d+ +(?:fsync|fdatasync|sync_file_range|msync)\([^<]*<([^>]*)>/.exec(line)?.[1]
    if (path !== undefined) counts[kindOf(path)]++
  }
  return counts
}

function kindOf(path: string): SyncKind {
  if (path.endsWith('.partial')) return 'new file'
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true ? 'directory' : 'append'
}
