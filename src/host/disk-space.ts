import { ConvoyError } from '../errors.js'
import type { Space } from '../model/space.js'
import { runChecked } from './exec.js'

/** Of the file system below a path. */
export interface DiskSpace extends Space {
  /** The same for every path of one file system. */
  readonly filesystem: string
}

/** By stat(1) in a process of its own, because a share may hang. ConvoyError `deadline-exceeded` when it does. */
export async function readDiskSpace(path: string, timeoutMs: number): Promise<DiskSpace> {
  const format = '%i %S %b %a %c %d'
  const { stdout } = await runChecked('stat', ['-f', '-c', format, '--', path], { timeoutMs }, 'unavailable')
  const [filesystem = '', ...numbers] = stdout.trim().split(' ')
  const [blockBytes, blocks, freeBlocks, inodes, freeInodes] = numbers.map(Number)
  if (freeInodes === undefined || numbers.some((number) => !/^\d+$/.test(number))) {
    throw new ConvoyError('internal', `stat -f says of ${path} what makes no sense: ${stdout.trim()}`)
  }
  const block = blockBytes ?? 0
  const sizes = { sizeBytes: (blocks ?? 0) * block, freeBytes: (freeBlocks ?? 0) * block }
  return { filesystem, ...sizes, inodes: inodes ?? 0, freeInodes }
}
