import type { BackupTree } from '../backup-tree.js'
import type { EntryType } from '../format/entry-check.js'
import { Exclusion } from '../exclusion.js'
import type { ManifestEntry } from '../format/manifest-entry.js'

export interface FindQuery {
  /**
   * Any of these, as in a `.gitignore` at the root of the tree: `*.sql` anywhere, `/etc/*.conf` there. A directory comes with all
   * that is in it, so that a pattern finds what it would exclude.
   */
  readonly patterns: readonly string[]
  readonly types?: ReadonlySet<EntryType>
  readonly leastBytes?: number
  readonly mostBytes?: number
}

/** The entries that match all of it, in the order of the manifest. Sizes are those of files. */
export async function* findEntries(
  { manifest, record: { tree } }: BackupTree,
  { patterns, types, leastBytes = 0, mostBytes = Infinity }: FindQuery,
): AsyncGenerator<ManifestEntry> {
  const hasSizes = leastBytes > 0 || mostBytes < Infinity
  for await (const entries of manifest.batches(tree)) {
    // The library remembers each path that it was asked for.
    const exclusion = new Exclusion(patterns)
    for (const entry of entries) {
      const { path, type } = entry
      if (path.length === 0 || types?.has(type) === false) continue
      if (hasSizes && (type !== 'f' || entry.sizeBytes < leastBytes || entry.sizeBytes > mostBytes)) continue
      if (patterns.length === 0 || exclusion.isExcluded(path, type === 'd')) yield entry
    }
  }
}
