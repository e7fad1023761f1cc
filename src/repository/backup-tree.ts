import type { CallContext } from '../model/call-context.js'
import type { BackupRecord } from './format/backup-record.js'
import { BlobReader } from './blob-reader.js'
import { ManifestReader } from './format/manifest-reader.js'
import type { Repository } from './repository.js'
import { RepositoryIndex } from './repository-index.js'

/** A backup that is looked at: its record, and what reads its manifest and its files. */
export interface BackupTree {
  readonly record: BackupRecord
  readonly index: RepositoryIndex
  readonly blobs: BlobReader
  readonly manifest: ManifestReader
}

/** ConvoyError `not-found` when there is no such backup, `damaged` when its record does not open. */
export async function openBackupTree(
  repository: Repository,
  { volume, name }: { readonly volume: string; readonly name: string },
  call: CallContext,
): Promise<BackupTree> {
  const record = await repository.readRecord(volume, name, call)
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, call)
  return treeOf(repository, { record, index }, call)
}

/** Another backup of the same repository. */
export function treeOf(
  repository: Repository,
  { record, index }: Pick<BackupTree, 'record' | 'index'>,
  call: CallContext,
): BackupTree {
  const blobs = new BlobReader(repository, index, call)
  return { record, index, blobs, manifest: new ManifestReader((id, type) => blobs.read(id, type)) }
}
