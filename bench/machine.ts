import { execFileSync } from 'node:child_process'
import { readFileSync, statfsSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os'
import type { Table } from './report.js'

/** Where a benchmark ran: what its figures depend on. */
export function describeMachine(directory: string): Table {
  const [cpu] = cpus()
  const { type, source, options } = fileSystemOf(directory)
  return {
    columns: ['Machine', ''],
    rows: [
      ['CPU', `${availableParallelism()} × ${cpu?.model ?? 'unknown'}`],
      ['Memory', `${Math.round(totalmem() / 1024 ** 3)} GiB`],
      ['Kernel', release()],
      ['File system', `${type} on ${source} (${options}), ${freeGiB(directory)} GiB free`],
      ['Disk', describeDisk(source)],
      ['Node', process.version],
    ],
  }
}

/** Other work on the machine makes every figure worse, so each section says how much there was. */
export function describeLoad(): string {
  return loadavg()
    .map((value) => value.toFixed(2))
    .join(' ')
}

function fileSystemOf(directory: string): { type: string; source: string; options: string } {
  const format = ['--noheadings', '--output', 'FSTYPE,SOURCE,OPTIONS', '--target', directory]
  const [type = '?', source = '?', options = ''] = execFileSync('findmnt', format, { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
  return { type, source, options }
}

function freeGiB(directory: string): number {
  const { bavail, bsize } = statfsSync(directory)
  return Math.round((bavail * bsize) / 1024 ** 3)
}

function describeDisk(source: string): string {
  const name = source.replace('/dev/', '')
  try {
    const queue = (file: string): string => readFileSync(`/sys/class/block/${name}/queue/${file}`, 'utf8').trim()
    const scheduler = /\[(.*)\]/.exec(queue('scheduler'))?.[1] ?? queue('scheduler')
    return `${name}, cache: ${queue('write_cache')}, scheduler: ${scheduler}`
  } catch {
    return name
  }
}
