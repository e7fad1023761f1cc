import * as fs from 'node:fs'
import { join } from 'node:path'
import { PseudoRandom } from './pseudo-random.js'
import { snapshotTree, type TreeSnapshot } from './tree-snapshot.js'

const folders = ['', 'logs', 'logs/old', 'tables']
const fileNames = ['a', 'b', 'c']
/** All trees are made of these: what one host has stored, another one has too. */
const contentCount = 6
const mostSmallBytes = 3000
const mostLargeBytes = 400_000

/** A directory of some host, and what may happen to it between two backups. */
export class StoryTree {
  readonly path: string
  readonly #random: PseudoRandom

  constructor(path: string, random: PseudoRandom) {
    this.path = path
    this.#random = random
    for (const folder of folders) fs.mkdirSync(join(path, folder), { recursive: true })
    for (let count = 0; count < 4; count++) this.change()
  }

  change(): void {
    const random = this.#random
    const path = this.#somewhere()
    const changes = [
      () => fs.rmSync(path, { force: true }),
      () => fs.writeFileSync(path, contentOf(random.integer(contentCount))),
      () => fs.writeFileSync(path, contentOf(random.integer(contentCount))),
      () => fs.appendFileSync(path, contentOf(random.integer(contentCount))),
      () => fs.existsSync(path) && fs.renameSync(path, this.#somewhere()),
      () => fs.existsSync(path) && fs.chmodSync(path, random.pick([0o600, 0o640, 0o755])),
    ]
    random.pick(changes)()
  }

  snapshot(): TreeSnapshot {
    return snapshotTree(this.path)
  }

  #somewhere(): string {
    return join(this.path, this.#random.pick(folders), this.#random.pick(fileNames))
  }
}

/** Every other one is so large that it is cut into chunks. */
function contentOf(number: number): Buffer {
  const random = new PseudoRandom(`content ${number}`)
  return random.bytes(1 + random.integer(number % 2 === 0 ? mostSmallBytes : mostLargeBytes))
}
