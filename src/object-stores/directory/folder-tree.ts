import { basename, dirname } from 'node:path'
import { isErrno } from '../../errors.js'
import { Folder, using } from './folder.js'

/** Goes from a folder into one in it. `path` is that one's, from the root. */
type Step = (folder: Folder, name: string, path: string) => Promise<Folder>

/** Everything of ours in a destination lies below a folder of this name. */
const rootName = 'convoy2'

/**
 * The folders of a repository. Nothing is made before something is to be stored. Once the root was found it is held open, so that
 * a share that is unmounted meanwhile is not gone on with in the empty directory below it.
 */
export class FolderTree {
  readonly #destination: string
  /** What this process has made sure of: another that died may have made it, and not have made that durable. */
  readonly #durable = new Set<string>()
  #root: Promise<Folder> | undefined

  /** `destination`: an absolute path. */
  constructor(destination: string) {
    this.#destination = destination
  }

  /** Opens a folder; `path` is empty for the root, else names with slashes between. Throws ENOENT when it is not there. */
  open(path: string): Promise<Folder> {
    return this.#descend(path, (folder, name) => folder.openFolder(name))
  }

  /** The same for a folder that is made, durably, when it is not there. */
  async openMade(path: string): Promise<Folder> {
    if (!this.#durable.has('')) {
      await makeRoot(this.#destination)
      this.#durable.add('')
    }
    return this.#descend(path, (folder, name, at) => this.#enterMade(folder, name, at))
  }

  async close(): Promise<void> {
    const root = await this.#root?.catch(() => undefined)
    this.#root = undefined
    await root?.close()
  }

  async #descend(path: string, step: Step): Promise<Folder> {
    let folder = await (await this.#openRoot()).openFolder('.')
    for (const [index, name] of path.split('/').filter(Boolean).entries())
      folder = await using(folder, (parent) => step(parent, name, path.split('/', index + 1).join('/')))
    return folder
  }

  async #enterMade(folder: Folder, name: string, path: string): Promise<Folder> {
    if (!this.#durable.has(path)) {
      await folder.makeFolder(name)
      await folder.sync()
      this.#durable.add(path)
    }
    return folder.openFolder(name)
  }

  #openRoot(): Promise<Folder> {
    this.#root ??= openRoot(this.#destination).catch((thrown: unknown) => {
      this.#root = undefined
      throw thrown
    })
    return this.#root
  }
}

async function openRoot(destination: string): Promise<Folder> {
  return using(await Folder.open(destination), (folder) => folder.openFolder(rootName))
}

async function makeRoot(destination: string): Promise<void> {
  await using(await openOrMake(destination), async (folder) => {
    await folder.makeFolder(rootName)
    await folder.sync()
  })
}

/** Makes the last component only: above it may be the mountpoint of a share that is not mounted. */
async function openOrMake(path: string): Promise<Folder> {
  try {
    return await Folder.open(path)
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
  await using(await Folder.open(dirname(path)), async (parent) => {
    await parent.makeFolder(basename(path))
    await parent.sync()
  })
  return Folder.open(path)
}
