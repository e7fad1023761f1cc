import { toConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { BackupRecord } from '../format/backup-record.js'
import type { VolumeName } from '../../model/volume-name.js'
import type { FileType } from '../format/file-types.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { ParentTree } from './parent-tree.js'
import type { ListedBackup, Repository } from '../repository.js'
import { type ContentCheck, isSettled } from './unchanged.js'

/** The backup that another one of the same volume is compared with. */
export class BackupParent {
  readonly name: string
  readonly tree: ParentTree
  readonly #beganAtMs: number
  readonly #content: ContentCheck

  constructor(record: BackupRecord, tree: ParentTree, content: ContentCheck) {
    this.name = record.name
    this.tree = tree
    this.#beganAtMs = record.createdAtMs
    this.#content = content
  }

  /**
   * Whether the entry of the parent can stand for a file of that type and stat record: nothing about it has changed, and the repository
   * has what it refers to. A promise only for large files.
   */
  isUnchanged(before: ManifestEntry, type: FileType, record: Buffer): boolean | Promise<boolean> {
    if (before.type !== type || !before.hasStat(record) || !isSettled(record, this.#beganAtMs)) return false
    return this.#content.isThere(before)
  }
}

/** The record of the backup to compare with: the one that is named, else the newest of the volume that can be read. */
export async function findParentRecord(
  repository: Repository,
  { volume, parent }: { readonly volume: VolumeName; readonly parent?: string | undefined },
  call: CallContext,
): Promise<BackupRecord | undefined> {
  if (parent !== undefined) return repository.readRecord(volume, parent, call)
  const backups: ListedBackup[] = []
  for await (const listed of repository.listBackups(call, volume)) backups.push(listed)
  const newestFirst = backups.toSorted((a, b) => b.storedAtMs - a.storedAtMs || (a.name < b.name ? 1 : -1))
  for (const { name } of newestFirst) {
    try {
      return await repository.readRecord(volume, name, call)
    } catch (thrown) {
      const { code, message } = toConvoyError(thrown)
      if (code !== 'damaged' && code !== 'not-found') throw thrown
      call.log.warn({ backup: name, error: message }, 'a backup cannot be read: the one before it is the parent')
    }
  }
  return undefined
}
