import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isErrno } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import { fsyncHere, replaceFile } from './replace-file.js'

/** Small JSON objects on a local disk, each in a file of its own. */
export class ObjectFiles {
  readonly #directory: string

  /** The directory is made at the first need. */
  constructor(directory: string) {
    this.#directory = directory
  }

  /** Durable when it resolves. `id`: hexadecimal. */
  async put(id: string, object: Readonly<Record<string, unknown>>): Promise<void> {
    mkdirSync(this.#directory, { recursive: true, mode: 0o700 })
    await replaceFile(join(this.#directory, `${id}.json`), { text: `${JSON.stringify(object)}\n` }, fsyncHere)
  }

  /** What is gone already is no error. After a power cut it may be back. */
  remove(id: string): void {
    rmSync(join(this.#directory, `${id}.json`), { force: true })
  }

  /** Those that were put; what is no object is left out. */
  list(): readonly Readonly<Record<string, unknown>>[] {
    return this.#names().flatMap((name) => {
      const object = parseJsonObject(unlessGone(() => readFileSync(join(this.#directory, name), 'utf8')) ?? '')
      return object === undefined ? [] : [object]
    })
  }

  #names(): readonly string[] {
    const names = unlessGone(() => readdirSync(this.#directory)) ?? []
    return names.filter((name) => /^[0-9a-f]+\.json$/.test(name))
  }
}

function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return undefined
    throw thrown
  }
}
