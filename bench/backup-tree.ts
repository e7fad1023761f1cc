import { createHash } from 'node:crypto'
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type BigIntStats } from 'node:fs'
import { join } from 'node:path'

const block = Buffer.alloc(2 ** 20)

/** Each path below a directory → all that a restore must bring back of it, but for the directory itself. */
export function describeTree(root: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  const waiting = ['']
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop())
    for (const name of readdirSync(join(root, folder))) {
      const path = join(folder, name)
      const stat = lstatSync(join(root, path), { bigint: true })
      found.set(path, describeEntry(join(root, path), stat))
      if (stat.isDirectory()) waiting.push(path)
    }
  return found
}

function describeEntry(path: string, stat: BigIntStats): string {
  const common = `${stat.mode} ${stat.uid} ${stat.gid} ${stat.mtimeNs}`
  if (stat.isFile()) return `${common} ${stat.size} ${hashOf(path)}`
  return stat.isSymbolicLink() ? `${common} ${readlinkSync(path)}` : common
}

function hashOf(path: string): string {
  const hash = createHash('sha256')
  const fd = openSync(path, 'r')
  for (let length = readSync(fd, block); length > 0; length = readSync(fd, block))
    hash.update(block.subarray(0, length))
  closeSync(fd)
  return hash.digest('base64')
}

/** The first path that one of the trees has and the other has not, or has otherwise. */
export function findDifference(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): string | undefined {
  for (const [path, description] of one) if (other.get(path) !== description) return path
  for (const path of other.keys()) if (!one.has(path)) return path
  return undefined
}

/** What the files below a directory hold, in bytes. */
export function sizeOfTree(root: string): number {
  let bytes = 0
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) bytes += lstatSync(join(entry.parentPath, entry.name)).size
  return bytes
}
