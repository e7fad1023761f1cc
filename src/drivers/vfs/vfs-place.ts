import type { FileRunner } from '../../host/file-process.js'
import type { ProjectQuota } from '../../host/project-quota.js'
import { VfsCreation } from './vfs-creation.js'
import { VfsRetirement } from './vfs-retirement.js'
import type { VfsRoot } from './vfs-root.js'
import { VfsStorage, type VfsStorageDeps } from './vfs-storage.js'

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
  readonly #files: FileRunner

  constructor(deps: VfsPlaceDeps) {
    this.root = deps.root
    this.storage = new VfsStorage(deps)
    this.creation = new VfsCreation({ ...deps, storage: this.storage })
    this.retirement = new VfsRetirement({ ...deps, storage: this.storage })
    this.#files = deps.files
  }

  close(): void {
    this.root.close()
    this.#files.close()
  }
}
