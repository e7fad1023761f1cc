import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import type { Test } from 'tap'
import { closeFd, openRoot } from '../../src/host/posix.js'
import { memoryDirectory } from './memory-directory.js'

export const bytes = (text: string) => Buffer.from(text, 'latin1')

/** An empty directory, open, with what tests do in it by path. */
export function openTree(t: Test, directory = memoryDirectory(t)) {
  const fd = openRoot(directory)
  t.teardown(() => closeFd(fd))
  const pathOf = (name: string) => Buffer.concat([Buffer.from(`${directory}/`), bytes(name)])
  return {
    fd,
    directory,
    pathOf,
    write: (name: string, content: string | Buffer = '') => fs.writeFileSync(pathOf(name), content),
    read: (name: string) => fs.readFileSync(pathOf(name), 'latin1'),
    makeFifo: (name: string) => spawnSync('mkfifo', [pathOf(name).toString()]),
  }
}

/** What of Node's own bigint status a stat block has, in its order. */
export function blockOf({ mode, uid, gid, ino, size, mtimeNs, ctimeNs }: fs.BigIntStats): Buffer {
  const block = Buffer.alloc(52)
  block.writeUInt32LE(Number(mode), 0)
  block.writeUInt32LE(Number(uid), 4)
  block.writeUInt32LE(Number(gid), 8)
  block.writeBigUInt64LE(ino, 12)
  block.writeBigUInt64LE(size, 20)
  for (const [at, ns] of [
    [28, mtimeNs],
    [40, ctimeNs],
  ] as const) {
    const nanoseconds = ((ns % billion) + billion) % billion
    block.writeBigInt64LE((ns - nanoseconds) / billion, at)
    block.writeUInt32LE(Number(nanoseconds), at + 8)
  }
  return block
}

const billion = 1_000_000_000n
