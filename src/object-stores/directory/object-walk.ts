import { isErrno } from '../../errors.js'
import { isObjectKey, type StoredObject } from '../object-store.js'
import type { Folder, FolderEntry } from './folder.js'
import { isTemporary, refuseAborted } from './object-files.js'

export interface Walk {
  /** Of the objects. */
  readonly prefix: string
  /** Temporary files that were last written before this are removed: whoever wrote them has died. */
  readonly staleBeforeMs: number
  readonly signal: AbortSignal
}

/** Files that are looked at together. */
const batchSize = 64

/** The objects in a folder and below, in the order of their keys. `path` is the folder's, empty or with a slash at its end. */
export async function* walkObjects(folder: Folder, path: string, walk: Walk): AsyncIterable<StoredObject> {
  for (const group of groupsOf(sorted(await folder.entries(), path, walk.prefix))) {
    refuseAborted(walk.signal)
    if (group.isFolder) yield* walkFolder(folder, group.name, path, walk)
    else yield* await describeAll(folder, group.names, path, walk)
  }
}

async function* walkFolder(parent: Folder, name: string, path: string, walk: Walk): AsyncIterable<StoredObject> {
  const folder = await parent.openFolder(name).catch(unlessGone)
  if (folder === undefined) return
  try {
    yield* walkObjects(folder, `${path}${name}/`, walk)
  } finally {
    await folder.close()
  }
}

async function describeAll(
  folder: Folder,
  names: readonly string[],
  path: string,
  walk: Walk,
): Promise<readonly StoredObject[]> {
  const all = await Promise.all(
    names.map(async (name): Promise<readonly StoredObject[]> => {
      const stats = await folder.describe(name)
      // What is no file is nobody's object, and a link is never followed.
      if (stats?.isFile() !== true) return []
      const storedAtMs = Math.floor(stats.mtimeMs)
      if (!isTemporary(name)) return [{ key: `${path}${name}`, sizeBytes: stats.size, storedAtMs }]
      if (storedAtMs < walk.staleBeforeMs) await folder.removeFile(name).catch(() => undefined)
      return []
    }),
  )
  return all.flat()
}

/** What may be or hold an object with the prefix, in the order of keys: a folder stands where its name with a slash would. */
function sorted(entries: readonly FolderEntry[], path: string, prefix: string): readonly FolderEntry[] {
  return entries
    .map((entry) => ({ entry, key: `${path}${entry.name}${entry.isFolder ? '/' : ''}` }))
    .filter(({ entry, key }) =>
      isTemporary(entry.name)
        ? !entry.isFolder
        : isObjectKey(`${path}${entry.name}`) && (key.startsWith(prefix) || (entry.isFolder && prefix.startsWith(key))),
    )
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ entry }) => entry)
}

type Group = { readonly isFolder: true; readonly name: string } | { readonly isFolder: false; readonly names: string[] }

/** Each folder by itself, files that follow each other together. */
function groupsOf(entries: readonly FolderEntry[]): readonly Group[] {
  const groups: Group[] = []
  for (const { name, isFolder } of entries) {
    const last = groups.at(-1)
    if (isFolder) groups.push({ isFolder, name })
    else if (last?.isFolder === false && last.names.length < batchSize) last.names.push(name)
    else groups.push({ isFolder: false, names: [name] })
  }
  return groups
}

/** Removed, or exchanged for something else, since it was listed. */
function unlessGone(thrown: unknown): undefined {
  if (!isErrno(thrown, 'ENOENT', 'ENOTDIR', 'ELOOP')) throw thrown
}
