import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DataSet } from './backup-data.js'
import { words } from './backup-data-words.js'
import type { PseudoRandom } from '../test/repository/pseudo-random.js'

const files = 200_000
const [folders, subfolders] = [40, 50]

/** Source code, mail, caches: 1 to 8 KiB each, in 2,000 directories, of text that compresses to half. */
export const smallFilesSet: DataSet = {
  name: 'small',
  title: '200,000 small files',
  make,
  changes: [{ name: 'changed', title: '0.8 % rewritten, 0.1 % removed, 0.1 % added', apply: change }],
}

const countAt = (scale: number) => Math.max(100, Math.round(files * scale))

const folderOf = (index: number): string =>
  join(
    `d${String(index % folders).padStart(2, '0')}`,
    `s${String(Math.floor(index / folders) % subfolders).padStart(2, '0')}`,
  )

const pathOf = (directory: string, index: number): string => join(directory, folderOf(index), `f${index}.txt`)

function make(directory: string, scale: number, random: PseudoRandom): void {
  for (let index = 0; index < folders * subfolders; index++)
    mkdirSync(join(directory, folderOf(index)), { recursive: true })
  for (let index = 0; index < countAt(scale); index++) writeFileSync(pathOf(directory, index), textOf(random))
}

function change(directory: string, scale: number, random: PseudoRandom): number {
  const count = countAt(scale)
  const perMille = Math.max(1, Math.round(count / 1000))
  let bytes = 0
  const write = (path: string): void => {
    const text = textOf(random)
    writeFileSync(path, text)
    bytes += text.length
  }
  for (let times = 0; times < 8 * perMille; times++) {
    const path = pathOf(directory, random.integer(count))
    if (existsSync(path)) write(path)
  }
  for (let times = 0; times < perMille; times++) rmSync(pathOf(directory, random.integer(count)), { force: true })
  for (let times = 0; times < perMille; times++)
    write(join(directory, folderOf(random.integer(folders * subfolders)), `new${random.integer(2 ** 32)}.txt`))
  return bytes
}

function textOf(random: PseudoRandom): string {
  const length = 1024 + random.integer(7 * 1024)
  let text = ''
  while (text.length < length) {
    text += random.pick(words)
    text += random.integer(3) > 0 ? ' ' : `=${random.bytes(12).toString('hex')}\n`
  }
  return text.slice(0, length)
}
