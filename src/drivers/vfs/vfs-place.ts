import { join } from 'node:path'
import { readDiskSpace } from '../../host/disk-space.js'
import type { FileRunner } from '../../host/file-process.js'
import type { ProjectQuota } from '../../host/project-quota.js'
import type { StorageSpace } from '../driver.js'
import { isOnNfs, ShareOwnership } from './share-ownership.js'
import { VfsCreation } from './vfs-creation.js'
import { VfsRetirement } from './vfs-retirement.js'
import type { VfsRoot } from './vfs-root.js'
import { VfsStorage, type VfsStorageDeps } from './vfs-storage.js'

const diskTimeoutMs = 30_000

export interface VfsPlaceDeps extends VfsStorageDeps {
  readonly quota: ProjectQuota
  readonly now: () => Date
}

/** A directory or share that holds volumes, and what is done there. */
export class VfsPlace {
  readonly root: VfsRoot
  readonly storage: VfsStorage
  readonly creation: VfsCreation
  readonly retirement: VfsRetirement
  readonly ownership: ShareOwnership
  readonly #files: FileRunner

  constructor(deps: VfsPlaceDeps) {
    this.root = deps.root
    this.storage = new VfsStorage(deps)
    this.ownership = new ShareOwnership({
      run: (operation) => this.storage.run(operation),
      probe: () => join(this.storage.layout.internal, `owner-${deps.hostId}`),
      isRemote: () => (deps.root.source === undefined ? isOnNfs(deps.root.path) : Promise.resolve(true)),
    })
    this.creation = new VfsCreation({ ...deps, storage: this.storage, ownership: this.ownership })
    this.retirement = new VfsRetirement({ ...deps, storage: this.storage })
    this.#files = deps.files
  }

  /** How much room there is. Also finds out what root may do there, in a process that has made no volume yet. */
  async space(): Promise<StorageSpace | undefined> {
    const { root, storage } = this
    if (root.source === undefined && !(await isOnNfs(root.path))) return this.#spaceOnDisk()
    const [found, internal] = await storage.run(
      { op: 'statfs', path: root.path },
      { op: 'stat', path: storage.layout.internal },
    )
    if (internal !== null) await this.ownership.lookOnce()
    if (typeof found !== 'object' || found === null || !('freeBytes' in found)) return undefined
    return { ...found, storage: root.source ?? root.path }
  }

  /** Without the file child, which would be started for nothing else, again and again. */
  async #spaceOnDisk(): Promise<StorageSpace> {
    const { filesystem, ...space } = await readDiskSpace(this.root.path, diskTimeoutMs)
    return { ...space, storage: this.root.path }
  }

  close(): void {
    this.root.close()
    this.#files.close()
  }
}
