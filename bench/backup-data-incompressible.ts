import { closeSync, fstatSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DataSet } from './backup-data.js'
import type { PseudoRandom } from '../test/repository/pseudo-random.js'

const mebibyte = 2 ** 20
const files = ['blob0.bin', 'blob1.bin', 'blob2.bin', 'blob3.bin']
/** Nothing behind it stays aligned. */
const insertedBytes = mebibyte - 4321

/** Media, archives, what is encrypted. */
export const incompressibleSet: DataSet = {
  name: 'incompressible',
  title: 'Incompressible 1 GiB',
  make,
  changes: [{ name: 'changed', title: '9 extents of 1 MiB, and 1 MiB inserted', apply: change }],
}

function make(directory: string, scale: number, random: PseudoRandom): void {
  const mebibytes = Math.max(2, Math.round((1024 * scale) / files.length))
  for (const name of files) {
    const fd = openSync(join(directory, name), 'w')
    for (let count = 0; count < mebibytes; count++) writeSync(fd, random.bytes(mebibyte))
    closeSync(fd)
  }
}

function change(directory: string, scale: number, random: PseudoRandom): number {
  const extents = Math.max(1, Math.round(9 * scale))
  for (let count = 0; count < extents; count++) {
    const fd = openSync(join(directory, files[count % 3] ?? ''), 'r+')
    const position = random.integer(fstatSync(fd).size - mebibyte)
    writeSync(fd, random.bytes(mebibyte), 0, mebibyte, position)
    closeSync(fd)
  }
  insert(join(directory, files[3] ?? ''), random.bytes(insertedBytes))
  return extents * mebibyte + insertedBytes
}

function insert(path: string, bytes: Buffer): void {
  const content = readFileSync(path)
  const middle = Math.floor(content.length / 2) + 12_345
  writeFileSync(path, Buffer.concat([content.subarray(0, middle), bytes, content.subarray(middle)]))
}
