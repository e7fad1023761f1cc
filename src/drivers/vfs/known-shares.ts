import { ObjectFiles } from '../../host/object-files.js'
import type { Attributes } from '../../model/volume.js'
import { parseShare, sourceOf } from './share.js'

/** What is kept of a share: the attributes that name it. */
const kept = ['share', 'efs', 'accesspoint', 'mountoptions', 'ownaccesspoint'] as const

/**
 * The shares that volumes of this host have named, in the daemon's own directory: a ledger that was lost is rebuilt from what lies
 * on them.
 */
export class KnownShares {
  readonly #files: ObjectFiles
  /** Those that this process has found there, or added: a file need not be written twice. */
  #added: Set<string> | undefined

  constructor(directory: string) {
    this.#files = new ObjectFiles(directory)
  }

  /** Durable when it resolves; nothing without a share. */
  async add(where: Attributes): Promise<void> {
    const id = parseShare(where)?.id
    this.#added ??= new Set(this.list().map((one) => keyOf(one)))
    if (id === undefined || this.#added.has(keyOf(where))) return
    await this.#files.put(id, textsOf(where))
    this.#added.add(keyOf(where))
  }

  /** No volume is on it any more. */
  remove(where: Attributes): void {
    const id = parseShare(where)?.id
    if (id !== undefined) this.#files.remove(id)
    this.#added?.delete(keyOf(where))
  }

  find(source: string): Attributes | undefined {
    return this.list().find((one) => sourceOf(one) === source)
  }

  /** What {@link add} was given, as it is in the files: whoever uses it parses it. Another process may have removed some. */
  list(): readonly Attributes[] {
    return this.#files.list().flatMap((object) => {
      const where = textsOf(object)
      return sourceOf(where) === undefined ? [] : [where]
    })
  }
}

function textsOf(object: Readonly<Record<string, unknown>>): Attributes {
  return Object.fromEntries(
    kept.flatMap((name) => (typeof object[name] === 'string' ? [[name, object[name]] as const] : [])),
  )
}

const keyOf = (where: Attributes) => JSON.stringify(kept.map((name) => where[name]))
