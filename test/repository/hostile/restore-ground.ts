import { spawnSync } from 'node:child_process'
import { existsSync, lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { closeFd, openDirectoryAt, openRoot, readNames, statNames } from '../../../src/host/posix.js'
import { recordAt, recordMode } from '../../../src/host/stat-record.js'

const typeMask = 0o170_000
const directoryType = 0o040_000
const deviceTypes: readonly number[] = [0o020_000, 0o060_000]

/** A directory to restore hostile backups into, and around it what they may want to get at. */
export class RestoreGround {
  /** Does not exist when a restore begins. */
  readonly target: string
  readonly #directory: string
  readonly #untouched: string

  constructor(directory: string) {
    this.#directory = directory
    this.target = join(directory, 'place/target')
    for (const outside of ['outside', 'place/outside']) {
      mkdirSync(join(directory, outside), { recursive: true })
      writeFileSync(join(directory, outside, 'canary'), 'sings', { mode: 0o640 })
    }
    this.#untouched = this.#describeSurroundings()
  }

  /** Throws when the surroundings have changed, or when there is something in the target that must not be. It is gone then. */
  refuseHarm(): void {
    const found = this.#describeSurroundings()
    if (found !== this.#untouched)
      throw new Error(`outside of the target there was\n${this.#untouched}\nand now is\n${found}`)
    if (!existsSync(this.target)) return
    refuseDevices(this.target)
    spawnSync('/bin/rm', ['-rf', '--', this.target])
  }

  #describeSurroundings(): string {
    const paths = ['outside', 'outside/canary', 'place/outside', 'place/outside/canary']
    const own = paths.map((path) => describe(join(this.#directory, path)))
    const names = ['', 'outside', 'place', 'place/outside'].map((path) =>
      readdirSync(join(this.#directory, path))
        .filter((name) => name !== 'target')
        .join(),
    )
    return [...own, ...names, describe('/etc/passwd'), describe('/etc')].join('\n')
  }
}

/** With the time of the last change of anything. */
function describe(path: string): string {
  const { mode, uid, gid, size, nlink, ino, ctimeNs } = lstatSync(path, { bigint: true })
  return [path, mode, uid, gid, size, nlink, ino, ctimeNs].join(' ')
}

/** The restored tree is not read: a hole may be a terabyte long. */
function refuseDevices(root: string): void {
  const waiting = [openRoot(root)]
  for (let fd = waiting.pop(); fd !== undefined; fd = waiting.pop()) {
    const names = readNames(fd).map((name) => Buffer.from(name))
    const records = statNames(fd, names)
    for (const [index, name] of names.entries()) {
      const type = recordMode(recordAt(records, index)) & typeMask
      if (deviceTypes.includes(type)) throw new Error(`there is a device: ${name.toString('latin1')}`)
      if (type === directoryType) waiting.push(openDirectoryAt(fd, name))
    }
    closeFd(fd)
  }
}
