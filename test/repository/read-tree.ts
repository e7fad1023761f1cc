import type { CallContext } from '../../src/model/call-context.js'
import { BlobReader } from '../../src/repository/blob-reader.js'
import type { ManifestEntry } from '../../src/repository/format/manifest-entry.js'
import { ManifestReader } from '../../src/repository/format/manifest-reader.js'
import type { Repository } from '../../src/repository/repository.js'
import { type IndexPurpose, RepositoryIndex } from '../../src/repository/repository-index.js'
import type { ReadEntry } from './format/independent-reader.js'

/** A backup as the program reads it, in the form of the independent reader. */
export async function readTree(
  repository: Repository,
  backup: { readonly volume: string; readonly name: string },
  call: CallContext,
  purpose: IndexPurpose = 'read',
): Promise<ReadonlyMap<string, ReadEntry>> {
  const index = await RepositoryIndex.load(repository, { purpose }, call)
  const blobs = new BlobReader(repository, index, call)
  const manifest = new ManifestReader((id, type) => blobs.read(id, type))
  const { tree } = await repository.readRecord(backup.volume, backup.name, call)
  const found = new Map<string, ReadEntry>()
  for await (const entry of manifest.entries(tree)) {
    const { path, type, stat, xattrs } = entry
    const body = await readBody(entry, manifest, blobs)
    found.set(path.toString('latin1'), { type, stat, body, xattrs: xattrs.map(({ name, value }) => [name, value]) })
  }
  return found
}

async function readBody(entry: ManifestEntry, manifest: ManifestReader, blobs: BlobReader): Promise<Buffer> {
  const { body } = entry
  switch (body.form) {
    case 'empty':
    case 'none':
      return Buffer.alloc(0)
    case 'symlink':
      return body.target
    case 'hard-link':
      return body.first
    case 'device':
      return deviceBytes(body.major, body.minor)
    case 'bundled': {
      const chunk = await blobs.read(body.chunk, 'data')
      return chunk.subarray(body.offset, body.offset + entry.sizeBytes)
    }
    case 'chunks':
    case 'lists': {
      const parts: Buffer[] = []
      for await (const { id, lengthBytes } of manifest.extents(entry))
        parts.push(id === undefined ? Buffer.alloc(lengthBytes) : await blobs.read(id, 'data'))
      return Buffer.concat(parts)
    }
  }
}

export function deviceBytes(major: number, minor: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeUInt32LE(major, 0)
  bytes.writeUInt32LE(minor, 4)
  return bytes
}
