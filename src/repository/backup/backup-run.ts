import { constants } from 'node:os'
import type { ConvoyError } from '../../errors.js'
import { posixError } from '../../host/posix-errors.js'
import type { CallContext } from '../../model/call-context.js'
import { BackupCounts } from './backup-counts.js'
import type { MemoryPlan } from './backup-memory.js'
import { BackupParent } from './backup-parent.js'
import type { BackupProblems } from './backup-problems.js'
import type { BackupProgress } from './backup-progress.js'
import type { BackupRecord, BackupStats } from '../format/backup-record.js'
import { asBuffer, type PackDone } from './backup-protocol.js'
import { BackupWorkers } from './backup-workers.js'
import { BlobReader } from '../blob-reader.js'
import type { ChunkTableInUse } from './chunk-packer.js'
import { EntryQueue } from './entry-queue.js'
import type { FileToRead } from './file-to-read.js'
import { LargeFiles } from './large-files.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import { decodeExtentList, ManifestReader } from '../format/manifest-reader.js'
import { ManifestWriter } from '../format/manifest-writer.js'
import { MetaBlobs } from './meta-blobs.js'
import type { Pack } from '../format/pack-writer.js'
import type { PackUploads } from './pack-uploads.js'
import { ParentTree } from './parent-tree.js'
import type { Repository } from '../repository.js'
import type { RepositoryIndex } from '../repository-index.js'
import { SmallFiles } from './small-files.js'
import { TreeBackup } from './tree-backup.js'
import type { TreeWalk } from './tree-walk.js'
import { ContentCheck } from './unchanged.js'

export interface BackupRunDeps {
  readonly repository: Repository
  /** For writing, with room in its table. */
  readonly index: RepositoryIndex
  readonly uploads: PackUploads
  readonly walk: TreeWalk
  readonly problems: BackupProblems
  readonly parent: BackupRecord | undefined
  readonly memory: MemoryPlan
  readonly compressionLevel: number
  readonly progress: BackupProgress
  /** Why there is no use in going on, if so. */
  readonly findFailure: () => ConvoyError | undefined
}

/** What was stored of a tree: everything but the record. */
export interface StoredTree {
  readonly tree: Buffer
  readonly stats: BackupStats
}

/** Reads a tree and stores what is new of it. It puts the parts together that do so; nothing is visible before its record is stored. */
export class BackupRun {
  readonly #deps: BackupRunDeps
  readonly #counts = new BackupCounts()
  readonly #chunks: ChunkTableInUse
  readonly #workers: BackupWorkers
  readonly #meta: MetaBlobs
  readonly #lostFirstNames = new Set<string>()

  constructor(deps: BackupRunDeps) {
    const { repository, index, uploads, memory, compressionLevel } = deps
    const { key } = repository
    this.#deps = deps
    this.#chunks = { table: index.table }
    this.#meta = new MetaBlobs(this.#chunks, { key, uploads })
    this.#workers = new BackupWorkers({
      ...memory,
      key,
      compressionLevel,
      chunks: this.#chunks,
      storePack: (pack) => uploads.add(packOf(pack)),
    })
  }

  /** Stores everything, so that a record may refer to it. ConvoyError of whatever stopped it. */
  async store(call: CallContext): Promise<StoredTree> {
    const { uploads, progress } = this.#deps
    const manifest = new ManifestWriter((type, raw) => this.#meta.put(type, raw))
    progress.begin('copy', this.#counts, uploads.storedBytes)
    await this.#treeBackup(manifest, call).run()
    this.#refuseToGoOn()
    progress.begin('finish', this.#counts, uploads.storedBytes)
    const [{ tree }] = await Promise.all([manifest.finish(), this.#workers.flush()])
    await this.finish()
    this.#refuseToGoOn()
    progress.begin('finish', this.#counts, uploads.storedBytes)
    return { tree, stats: this.#stats() }
  }

  tellProgress(): void {
    const { progress, uploads } = this.#deps
    progress.tell(this.#counts, uploads.storedBytes)
  }

  /** Ends the work under way; what `store` is waiting for rejects with that. */
  stop(failure: ConvoyError): void {
    this.#workers.stop(failure)
  }

  /** Stores what has been packed so far, also after `stop`. */
  async finish(): Promise<void> {
    await this.#workers.flush()
    this.#meta.flush()
    await this.#deps.uploads.finish()
  }

  async close(): Promise<void> {
    await this.#workers.close()
  }

  #treeBackup(manifest: ManifestWriter, call: CallContext): TreeBackup {
    const { repository, index, parent, walk, problems } = this.#deps
    const blobs = new BlobReader(repository, index, call)
    const readExtentList = async (id: Buffer, coveredBytes: number) =>
      decodeExtentList(await blobs.read(id, 'extent-list'), coveredBytes)
    const reader = new ManifestReader((id, type) => blobs.read(id, type))
    const onTurn = () => this.tellProgress()
    const onRead = (bytes: number) => {
      this.#counts.bytesDone += bytes
      onTurn()
    }
    const largeFiles = new LargeFiles({ workers: this.#workers, meta: this.#meta, readExtentList, onRead })
    const findKnown = (file: FileToRead) => this.#findKnown(file)
    return new TreeBackup({
      walk,
      parent:
        parent === undefined
          ? undefined
          : new BackupParent(
              parent,
              new ParentTree(reader.batches(parent.tree), call.log),
              new ContentCheck(this.#chunks, readExtentList),
            ),
      queue: new EntryQueue((entry) => this.#write(manifest, entry)),
      workers: this.#workers,
      smallFiles: new SmallFiles({ workers: this.#workers, largeFiles, findKnown, onRead }),
      largeFiles,
      problems,
      counts: this.#counts,
      lostFirstNames: this.#lostFirstNames,
      isStopped: () => this.#findFailure() !== undefined,
      onTurn,
    })
  }

  #write(manifest: ManifestWriter, entry: ManifestEntry): Promise<void> | undefined {
    if (this.#lostFirstNames.size > 0 && this.#isLost(entry)) {
      this.#deps.problems.addFailure(entry.path, posixError(constants.errno.ENOENT, 'linkat'))
      return undefined
    }
    return manifest.add(entry)
  }

  /** A further name of a file whose first name is not in the backup. */
  #isLost({ body }: ManifestEntry): boolean {
    return body.form === 'hard-link' && this.#lostFirstNames.has(body.first.toString('latin1'))
  }

  /** What the parent says of a small file, where the repository still has it. */
  #findKnown({ parent }: FileToRead): Buffer | undefined {
    const body = parent?.body
    return body?.form === 'bundled' && this.#chunks.table.has(body.chunk) ? body.sha256 : undefined
  }

  #findFailure(): ConvoyError | undefined {
    return this.#workers.failure ?? this.#deps.findFailure()
  }

  #refuseToGoOn(): void {
    const failure = this.#findFailure()
    if (failure !== undefined) throw failure
  }

  #stats(): BackupStats {
    const { files, directories, others, bytes, filesNew, filesChanged, filesUnchanged } = this.#counts
    const { newBytes } = this.#workers
    const { storedBytes } = this.#deps.uploads
    return { files, directories, others, bytes, newBytes, storedBytes, filesNew, filesChanged, filesUnchanged }
  }
}

function packOf({ packId, salt, bytes, sizeBytes, entries }: PackDone): Pack {
  return {
    id: asBuffer(packId),
    kind: 'data',
    salt: asBuffer(salt),
    bytes: Buffer.from(bytes, 0, sizeBytes),
    entries: asBuffer(entries),
  }
}
