import { closeSync, mkdirSync, openSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { DataSet } from './backup-data.js'
import { phrase, words } from './backup-data-words.js'
import type { PseudoRandom } from '../test/repository/pseudo-random.js'

const pageBytes = 16_384
const pagesPerMebibyte = 64
const mebibyte = 2 ** 20

/** File → its share of the whole, per cent. */
const files = new Map([
  ['ibdata1', 12],
  ['ib_logfile0', 8],
  ['undo_001', 3],
  ['shop/orders.ibd', 34],
  ['shop/order_items.ibd', 22],
  ['shop/customers.ibd', 10],
  ['shop/events.ibd', 8],
  ['mysql.ibd', 3],
])

/** The files of a MySQL server: few, large, of pages that compress to two thirds. */
export const databaseSet: DataSet = {
  name: 'mysql',
  title: 'MySQL-like 1 GiB',
  make,
  changes: [
    { name: 'changed', title: 'extents of 1 MiB', apply: rewriteExtents },
    { name: 'scattered', title: 'pages of 16 KiB', apply: rewritePages },
  ],
}

function make(directory: string, scale: number, random: PseudoRandom): void {
  mkdirSync(join(directory, 'shop'))
  const block = Buffer.alloc(mebibyte)
  for (const [name, share] of files) {
    const mebibytes = Math.max(1, Math.round(1024 * scale * (share / 100)))
    const fd = openSync(join(directory, name), 'w')
    for (let index = 0; index < mebibytes; index++) {
      fillExtent(block, index * pagesPerMebibyte, random)
      writeSync(fd, block)
    }
    closeSync(fd)
  }
  for (let index = 0; index < 30; index++) {
    const table = { table: index, columns: words.slice(index, index + 20) }
    writeFileSync(join(directory, 'shop', `t${index}.sdi`), JSON.stringify(table))
  }
}

function rewriteExtents(directory: string, scale: number, random: PseudoRandom): number {
  const extents = Math.max(1, Math.round((1024 * scale) / 100))
  const block = Buffer.alloc(mebibyte)
  for (let count = 0; count < extents; count++) {
    fillExtent(block, random.integer(2 ** 24), random)
    overwrite(directory, block, random)
  }
  return extents * mebibyte
}

function rewritePages(directory: string, scale: number, random: PseudoRandom): number {
  const pages = Math.max(1, Math.round((1024 * scale * pagesPerMebibyte) / 100))
  const page = Buffer.alloc(pageBytes)
  for (let count = 0; count < pages; count++) {
    fillPage(page, random.integer(2 ** 24), random)
    overwrite(directory, page, random)
  }
  return pages * pageBytes
}

/** At one page of all pages: a file is hit as often as it is large. */
function overwrite(directory: string, bytes: Buffer, random: PseudoRandom): void {
  const { path, sizeBytes, position } = anyPage(directory, random)
  const fd = openSync(path, 'r+')
  writeSync(fd, bytes, 0, bytes.length, Math.min(position, sizeBytes - bytes.length))
  closeSync(fd)
}

function anyPage(directory: string, random: PseudoRandom): { path: string; sizeBytes: number; position: number } {
  const all = [...files.keys()]
    .map((name) => join(directory, name))
    .map((path) => ({ path, sizeBytes: statSync(path).size }))
  const pages = all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / pageBytes
  let position = random.integer(pages) * pageBytes
  for (const file of all) {
    if (position < file.sizeBytes) return { ...file, position }
    position -= file.sizeBytes
  }
  throw new Error('there is no such page')
}

function fillExtent(block: Buffer, firstPage: number, random: PseudoRandom): void {
  for (let index = 0; index < pagesPerMebibyte; index++)
    fillPage(block.subarray(index * pageBytes, (index + 1) * pageBytes), firstPage + index, random)
}

/** A page as InnoDB writes it: header, records, free space, directory, trailer. */
function fillPage(page: Buffer, number: number, random: PseudoRandom): void {
  page.fill(0)
  page.writeUInt32BE(random.integer(2 ** 32), 0)
  page.writeUInt32BE(number, 4)
  page.writeUInt32BE((number - 1) >>> 0, 8)
  page.writeUInt32BE(number + 1, 12)
  page.writeBigUInt64BE(BigInt(1e9 + number), 16)
  page.writeUInt16BE(17_855, 24)
  page.writeUInt32BE(42, 34)
  const end = pageBytes - 400 - random.integer(1800)
  let offset = 120
  for (let id = number * 90; offset < end; id++) offset = writeRecord(page, offset, id, random)
  for (let slot = 0; slot < 40; slot++)
    page.writeUInt16BE((slot * 391 + number) & 0x3fff, pageBytes - 8 - 2 * (slot + 1))
  page.writeUInt32BE(random.integer(2 ** 32), pageBytes - 4)
}

/** An id, a transaction, words, something random such as a hash, and a time. */
function writeRecord(page: Buffer, start: number, id: number, random: PseudoRandom): number {
  let offset = page.writeUInt8(0x80, start)
  offset = page.writeUInt32BE(id >>> 0, offset)
  offset = page.writeUIntBE(random.integer(2 ** 31), offset, 6)
  offset += page.write(phrase(random, 3 + random.integer(6)), offset, 'latin1')
  offset += random.bytes(40 + random.integer(40)).copy(page, offset)
  const time = `2026-0${1 + random.integer(9)}-1${random.integer(10)} 12:${10 + random.integer(50)}:00`
  return offset + page.write(time, offset, 'latin1')
}
