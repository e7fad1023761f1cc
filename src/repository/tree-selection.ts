import { ConvoyError } from '../errors.js'
import { ManifestEntry } from './format/manifest-entry.js'
import type { ManifestReader, ReadEntriesOptions } from './format/manifest-reader.js'
import { isWithin, parentPath, pathsDownTo, rootPath, showPath } from './format/tree-path.js'

/** Which entries of a manifest are wanted. */
export interface TreeSelection {
  readonly tree: Buffer
  /** Files, and directories with all that is in them. Everything when there are none. */
  readonly paths?: readonly Buffer[]
}

export type OnDamagedShard = NonNullable<ReadEntriesOptions['onDamagedShard']>

/**
 * The entries that are wanted and the directories that lead to them, in the order of the manifest, many at once. ConvoyError `not-found` when there
 * is nothing of one of the paths.
 *
 * A hard link whose first name is not wanted becomes what its first name is; further links to the same file lead to that.
 */
export async function* selectedBatches(
  reader: ManifestReader,
  { tree, paths = [] }: TreeSelection,
  onDamagedShard?: OnDamagedShard,
): AsyncGenerator<readonly ManifestEntry[]> {
  const options = onDamagedShard === undefined ? {} : { onDamagedShard }
  const wanted = outermost(paths)
  if (wanted.length === 0 || wanted[0]?.length === 0) yield* reader.batches(tree, options)
  else yield* new Selecting(reader, tree, wanted).batches(options)
}

/** In order, without those that lie in others. */
function outermost(paths: readonly Buffer[]): readonly Buffer[] {
  const sorted = [...paths].sort((left, right) => left.compare(right))
  const kept: Buffer[] = []
  for (const path of sorted) {
    const last = kept.at(-1)
    if (last === undefined || !isWithin(path, last)) kept.push(path)
  }
  return kept
}

class Selecting {
  readonly #reader: ManifestReader
  readonly #tree: Buffer
  readonly #wanted: readonly Buffer[]
  /** By first names that are not wanted: the name that took its place. */
  readonly #substitutes = new Map<string, Buffer>()

  constructor(reader: ManifestReader, tree: Buffer, wanted: readonly Buffer[]) {
    this.#reader = reader
    this.#tree = tree
    this.#wanted = wanted
  }

  async *batches(options: ReadEntriesOptions): AsyncGenerator<readonly ManifestEntry[]> {
    let before = rootPath
    let isFirst = true
    for (const path of this.#wanted) {
      for (const above of pathsDownTo(parentPath(path) ?? rootPath)) {
        if (!isFirst && isWithin(before, above)) continue
        yield [await this.#get(above)]
      }
      yield* this.#within(path, options)
      before = path
      isFirst = false
    }
  }

  async *#within(path: Buffer, options: ReadEntriesOptions): AsyncGenerator<readonly ManifestEntry[]> {
    let isFound = false
    for await (const entries of this.#reader.batches(this.#tree, { ...options, fromPath: path })) {
      const within = entries.filter((entry) => isWithin(entry.path, path))
      isFound ||= within.length > 0
      const resolved: ManifestEntry[] = []
      for (const entry of within) resolved.push(entry.type === 'h' ? await this.#resolved(entry) : entry)
      yield resolved
      if (within.length < entries.length) break
    }
    if (!isFound) throw notInBackup(path)
  }

  async #resolved(entry: ManifestEntry): Promise<ManifestEntry> {
    const { body, path, stat, xattrs } = entry
    if (body.form !== 'hard-link' || this.#wanted.some((wanted) => isWithin(body.first, wanted))) return entry
    const key = body.first.toString('latin1')
    const substitute = this.#substitutes.get(key)
    if (substitute !== undefined)
      return ManifestEntry.of({ path, type: 'h', stat, xattrs, body: { form: 'hard-link', first: substitute } })
    const first = await this.#get(body.first)
    this.#substitutes.set(key, path)
    return ManifestEntry.of({ path, type: first.type, stat: first.stat, xattrs: first.xattrs, body: first.body })
  }

  async #get(path: Buffer): Promise<ManifestEntry> {
    const entry = await findEntry(this.#reader, this.#tree, path)
    if (entry === undefined) throw notInBackup(path)
    return entry
  }
}

export async function findEntry(
  reader: ManifestReader,
  tree: Buffer,
  path: Buffer,
): Promise<ManifestEntry | undefined> {
  for await (const entry of reader.entries(tree, { fromPath: path })) return entry.path.equals(path) ? entry : undefined
  return undefined
}

export function notInBackup(path: Buffer): ConvoyError {
  return new ConvoyError('not-found', `there is no ${JSON.stringify(showPath(path))} in the backup`, {
    hint: 'see what there is: convoy backup ls',
  })
}
