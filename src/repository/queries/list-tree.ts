import type { BackupTree } from '../backup-tree.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { findEntry, notInBackup } from '../tree-selection.js'
import { isWithin, parentPath } from '../format/tree-path.js'

/**
 * What `ls` shows of a path: a file itself; of a directory what is in it, and with `recursive` all that is below it. In the order of
 * the manifest. ConvoyError `not-found`.
 */
export async function* listTree(
  { manifest, record: { tree } }: BackupTree,
  { path, recursive }: { readonly path: Buffer; readonly recursive: boolean },
): AsyncGenerator<ManifestEntry> {
  const top = await findEntry(manifest, tree, path)
  if (top === undefined) throw notInBackup(path)
  if (top.type !== 'd') {
    yield top
    return
  }
  for await (const entry of manifest.entries(tree, { fromPath: path })) {
    if (!isWithin(entry.path, path)) return
    const parent = parentPath(entry.path)
    if (parent === undefined || entry.path.length === path.length) continue
    if (recursive || parent.length === path.length) yield entry
  }
}
