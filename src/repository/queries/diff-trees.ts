import type { BackupTree } from '../backup-tree.js'
import type { EntryBody } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { ManifestReader } from '../format/manifest-reader.js'
import type { ShardRef } from '../format/shard-list.js'
import { statGid, statMode, statMtimeNs, statMtimeSec, statUid } from '../format/stat-block.js'

/** A path that is not the same in two backups. */
export interface TreeDifference {
  readonly path: Buffer
  /** `metadata`: owner, mode, time of modification or attributes; what it consists of is the same. */
  readonly change: 'added' | 'removed' | 'content' | 'metadata'
  readonly before: ManifestEntry | undefined
  readonly after: ManifestEntry | undefined
}

/**
 * How one backup differs from an earlier one of the same repository, in the order of paths. Parts of the manifests that are the same
 * are not read. A file that was merely cut into other chunks counts as changed.
 */
export async function* diffTrees(before: BackupTree, after: BackupTree): AsyncGenerator<TreeDifference> {
  const [left, right] = await Promise.all([
    before.manifest.readShardList(before.record.tree),
    after.manifest.readShardList(after.record.tree),
  ])
  const entriesBefore = entriesOf(before.manifest, without(left, right))
  const entriesAfter = entriesOf(after.manifest, without(right, left))
  let one = await next(entriesBefore)
  let other = await next(entriesAfter)
  while (one !== undefined || other !== undefined) {
    const order = orderOf(one, other)
    const difference = differenceOf(order <= 0 ? one : undefined, order >= 0 ? other : undefined)
    if (difference !== undefined) yield difference
    if (order <= 0) one = await next(entriesBefore)
    if (order >= 0) other = await next(entriesAfter)
  }
}

/** A path is in one shard of a tree, so what two trees have in common is the same in both. */
function without(shards: readonly ShardRef[], others: readonly ShardRef[]): readonly ShardRef[] {
  const known = new Set(others.map(({ id }) => id.toString('latin1')))
  return shards.filter(({ id }) => !known.has(id.toString('latin1')))
}

async function* entriesOf(manifest: ManifestReader, shards: readonly ShardRef[]): AsyncGenerator<ManifestEntry> {
  for (const shard of shards) yield* await manifest.readShard(shard)
}

async function next(entries: AsyncGenerator<ManifestEntry>): Promise<ManifestEntry | undefined> {
  const result = await entries.next()
  return result.done === true ? undefined : result.value
}

function orderOf(one: ManifestEntry | undefined, other: ManifestEntry | undefined): number {
  if (one === undefined) return 1
  if (other === undefined) return -1
  return one.path.compare(other.path)
}

function differenceOf(before: ManifestEntry | undefined, after: ManifestEntry | undefined): TreeDifference | undefined {
  const path = (before ?? after)?.path
  if (path === undefined) return undefined
  if (before === undefined) return { path, change: 'added', before, after }
  if (after === undefined) return { path, change: 'removed', before, after }
  if (before.isSameAs(after)) return undefined
  if (!hasSameContent(before, after)) return { path, change: 'content', before, after }
  return hasSameMetadata(before, after) ? undefined : { path, change: 'metadata', before, after }
}

function hasSameContent(before: ManifestEntry, after: ManifestEntry): boolean {
  if (before.type !== after.type) return false
  if (before.type === 'f' && before.sizeBytes !== after.sizeBytes) return false
  return contentKey(before.body) === contentKey(after.body)
}

function contentKey(body: EntryBody): string {
  switch (body.form) {
    case 'bundled':
      return body.sha256.toString('latin1')
    case 'chunks':
      return body.chunks.map(({ id, lengthBytes }) => `${id?.toString('latin1') ?? ''}${lengthBytes}`).join()
    case 'lists':
      return body.lists.map(({ id, lengthBytes }) => `${id?.toString('latin1') ?? ''}${lengthBytes}`).join()
    case 'symlink':
      return body.target.toString('latin1')
    case 'hard-link':
      return body.first.toString('latin1')
    case 'device':
      return `${body.major}:${body.minor}`
    case 'empty':
    case 'none':
      return ''
  }
}

function hasSameMetadata(before: ManifestEntry, after: ManifestEntry): boolean {
  return metadataKey(before) === metadataKey(after)
}

function metadataKey({ stat, xattrs }: ManifestEntry): string {
  const attributes = xattrs.map(({ name, value }) => `${name.toString('hex')}=${value.toString('hex')}`)
  return [statMode(stat), statUid(stat), statGid(stat), statMtimeSec(stat), statMtimeNs(stat), ...attributes].join()
}
