import { ConvoyError } from '../../errors.js'
import type { CallContext } from '../../model/call-context.js'
import type { BackupTree } from '../backup-tree.js'
import { throwIfAborted } from '../bounded-work.js'
import { chunkIdOf } from '../format/chunk-id.js'
import { damaged } from '../format/damage.js'
import type { Extent } from '../format/entry-body.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { findEntry, notInBackup } from '../tree-selection.js'
import { showPath } from '../format/tree-path.js'

/** How many chunks are fetched before they are needed. */
const aheadChunks = 8
const zeros = Buffer.alloc(1024 * 1024)

/**
 * The content of a regular file, piece by piece, each of which has been verified. ConvoyError `not-found`, `invalid-argument` for what
 * is no regular file, and `damaged` before the piece that is.
 */
export async function* readFile(tree: BackupTree, path: Buffer, call: CallContext): AsyncGenerator<Buffer> {
  const entry = await findFile(tree, path)
  const { body } = entry
  if (body.form === 'bundled') {
    const chunk = await tree.blobs.read(body.chunk, 'data')
    const content = chunk.subarray(body.offset, body.offset + entry.sizeBytes)
    if (!chunkIdOf(content).equals(body.sha256)) throw damaged(`the content of ${shown(path)} is not what was recorded`)
    yield content
    return
  }
  for await (const { lengthBytes, content } of fetched(tree, entry)) {
    throwIfAborted(call.signal)
    const raw = await content
    if (raw === undefined) yield* zerosOf(lengthBytes)
    else if (raw.length === lengthBytes) yield raw
    else throw damaged(`a chunk of ${shown(path)} is not as long as was recorded`)
  }
}

async function findFile({ manifest, record: { tree } }: BackupTree, path: Buffer): Promise<ManifestEntry> {
  const entry = await findEntry(manifest, tree, path)
  const { body } = entry ?? {}
  const file = body?.form === 'hard-link' ? await findEntry(manifest, tree, body.first) : entry
  if (file === undefined) throw notInBackup(path)
  if (file.type === 'f') return file
  throw new ConvoyError('invalid-argument', `${shown(path)} is no regular file`)
}

interface FetchedExtent {
  readonly lengthBytes: number
  /** Undefined for a hole. */
  readonly content: Promise<Buffer | undefined>
}

async function* fetched(tree: BackupTree, entry: ManifestEntry): AsyncGenerator<FetchedExtent> {
  const ahead: FetchedExtent[] = []
  for await (const extent of tree.manifest.extents(entry)) {
    ahead.push({ lengthBytes: extent.lengthBytes, content: fetch(tree, extent) })
    const next = ahead.length > aheadChunks ? ahead.shift() : undefined
    if (next !== undefined) yield next
  }
  yield* ahead
}

function fetch({ blobs }: BackupTree, { id }: Extent): Promise<Buffer | undefined> {
  if (id === undefined) return Promise.resolve(undefined)
  const content = blobs.read(id, 'data')
  // Whether it failed is seen when its turn comes.
  content.catch(() => undefined)
  return content
}

function* zerosOf(lengthBytes: number): Generator<Buffer> {
  for (let left = lengthBytes; left > 0; left -= zeros.length) yield zeros.subarray(0, left)
}

const shown = (path: Buffer) => JSON.stringify(showPath(path))
