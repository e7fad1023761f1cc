import { EventLoopTurn } from '../../host/event-loop-turn.js'
import { recordMode, recordSizeBytes } from '../../host/stat-record.js'
import type { BackupCounts } from './backup-counts.js'
import type { BackupParent } from './backup-parent.js'
import type { BackupProblems } from './backup-problems.js'
import { smallFileBytes } from './backup-protocol.js'
import type { TaskRunner } from './backup-workers.js'
import type { EntryQueue } from './entry-queue.js'
import { FileToRead } from './file-to-read.js'
import { type FileType, findFileType } from '../format/file-types.js'
import { HardLinks } from './hard-links.js'
import type { LargeFiles } from './large-files.js'
import type { ManifestEntry } from '../format/manifest-entry.js'
import type { SmallFiles } from './small-files.js'
import type { TreeWalk, WalkedFile } from './tree-walk.js'
import { entryOf, hardLinkEntry } from './walked-entry.js'

/** How long the walk may keep this thread from packs and answers. */
const turnMs = 5

export interface TreeBackupDeps {
  readonly walk: TreeWalk
  readonly parent: BackupParent | undefined
  readonly queue: EntryQueue
  readonly workers: TaskRunner
  readonly smallFiles: SmallFiles
  readonly largeFiles: LargeFiles
  readonly problems: BackupProblems
  readonly counts: BackupCounts
  /** The first names of files that could not be read: their other names lead nowhere. */
  readonly lostFirstNames: Set<string>
  readonly isStopped: () => boolean
  /** Called now and then. */
  readonly onTurn: () => void
}

/** Makes an entry of everything that the walk comes to: of the parent's where nothing has changed. */
export class TreeBackup {
  readonly #deps: TreeBackupDeps
  readonly #links = new HardLinks()

  constructor(deps: TreeBackupDeps) {
    this.#deps = deps
  }

  /** Resolves when all entries have been written, or the backup was stopped. */
  async run(): Promise<void> {
    const { walk, queue, workers, smallFiles, largeFiles, isStopped, onTurn } = this.#deps
    const turn = new EventLoopTurn(turnMs)
    for (let file: WalkedFile | undefined = walk.root; file !== undefined; file = walk.next()) {
      const wait = this.#visit(file)
      if (wait !== undefined) await wait
      // Nothing waits for a batch that is not full yet.
      if (queue.isFull) smallFiles.flush()
      if (!workers.hasRoom) await workers.waitForRoom()
      if (queue.isFull) await queue.drainUntilRoom()
      if (!turn.isOver) continue
      if (isStopped()) break
      onTurn()
      await queue.drain()
      await turn.next()
    }
    await smallFiles.settle()
    await largeFiles.settle()
    await queue.drain()
  }

  /** A promise where something has to be waited for before the walk goes on. */
  #visit(file: WalkedFile): Promise<void> | undefined {
    const tree = this.#deps.parent?.tree
    if (tree?.needsReading(file.path) === true) return tree.readUpTo(file.path).then(() => this.#compare(file))
    return this.#compare(file)
  }

  #compare(file: WalkedFile): Promise<void> | undefined {
    const type = findFileType(recordMode(file.record))
    if (type === undefined) return undefined
    this.#deps.counts.current = file.path
    this.#deps.counts.addName(type)
    if (file.isMount) this.#deps.problems.addMount(file.path)
    const first = type === 'd' ? undefined : this.#links.firstNameOf(file.record, file.path)
    if (first !== undefined) {
      this.#deps.queue.add(hardLinkEntry(file, first))
      return undefined
    }
    const { parent } = this.#deps
    const before = parent?.tree.find(file.path)
    if (before === undefined || parent === undefined) return this.#store(file, type, undefined)
    const isSame = parent.isUnchanged(before, type, file.record)
    if (isSame === false) return this.#store(file, type, before)
    if (isSame !== true)
      return isSame.then((same) => {
        if (!same) return this.#store(file, type, before)
        this.#keep(before)
        return undefined
      })
    this.#keep(before)
    return undefined
  }

  #keep(before: ManifestEntry): void {
    if (before.type === 'f') this.#deps.counts.addUnchanged(before.sizeBytes)
    this.#deps.queue.add(before)
  }

  #store(file: WalkedFile, type: FileType, before: ManifestEntry | undefined): Promise<void> | undefined {
    const { counts, queue, problems, lostFirstNames, walk } = this.#deps
    const sizeBytes = recordSizeBytes(file.record)
    if (type === 'f') counts.addRead(sizeBytes, before !== undefined)
    if (type === 'f' && sizeBytes > 0) return this.#read(file, before)
    const entry = entryOf(file, type, problems)
    if (entry !== undefined) {
      queue.add(entry)
      return undefined
    }
    // What is in a directory that has no entry has no place either.
    if (type === 'd') walk.skip()
    else lostFirstNames.add(file.path.toString('latin1'))
    return undefined
  }

  #read(walked: WalkedFile, before: ManifestEntry | undefined): Promise<void> | undefined {
    const { queue, smallFiles, largeFiles, problems, lostFirstNames } = this.#deps
    const place = queue.reserve(walked.path.length)
    const file = new FileToRead(walked, before, { place, problems, lostFirstNames })
    if (recordSizeBytes(walked.record) > smallFileBytes) return largeFiles.read(file)
    smallFiles.add(file)
    return undefined
  }
}
