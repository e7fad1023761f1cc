import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ConvoyError, isErrno } from '../../errors.js'
import type { BytePace } from '../../host/byte-pace.js'
import type { CallContext } from '../../model/call-context.js'
import {
  type ByteRange,
  mostObjectBytes,
  type ObjectStore,
  type PutOptions,
  refuseBadKey,
  type StoredObject,
} from '../object-store.js'
import { directoryError } from './directory-errors.js'
import { type Folder, using } from './folder.js'
import { FolderTree } from './folder-tree.js'
import { type Naming, readFile, refuseAborted, removeFiles, writeFile } from './object-files.js'
import { walkObjects } from './object-walk.js'

export interface DirectoryStoreSettings {
  /** For messages. */
  readonly url: string
  /** Of what is written. */
  readonly pace?: BytePace
}

const dayMs = 24 * 60 * 60 * 1000

/**
 * A repository in a directory, as `<destination>/convoy2/<key>`: one file for each object. Works on shares too, whose server's
 * clock is the store's then. A share that does not answer holds the calls that ask it: nothing takes a thread back from there.
 */
export class DirectoryStore implements ObjectStore {
  readonly url: string
  readonly #tree: FolderTree
  readonly #pace: BytePace | undefined
  #createOnly: ObjectStore['createOnly'] = 'atomic'
  /** When the newest object of this process was stored, by the clock of the file system. */
  #newestMs = -Infinity

  private constructor(path: string, { url, pace }: DirectoryStoreSettings) {
    this.url = url
    this.#tree = new FolderTree(path)
    this.#pace = pace
  }

  /**
   * Makes nothing. ConvoyError `not-found` when neither the directory nor the one above it is there: a share that is not mounted
   * must not look like an empty one.
   */
  static async open(path: string, settings: DirectoryStoreSettings): Promise<DirectoryStore> {
    const { url } = settings
    if (!(await isDirectory(path, url)) && !(await isDirectory(dirname(path), url)))
      throw new ConvoyError('not-found', `there is no directory ${path}, and none above it`, {
        hint: 'check the path, mount what should be mounted there, or make the directory',
      })
    return new DirectoryStore(path, settings)
  }

  get createOnly(): ObjectStore['createOnly'] {
    return this.#createOnly
  }

  async put(key: string, bytes: Uint8Array, { createOnly }: PutOptions, call: CallContext): Promise<StoredObject> {
    if (bytes.length > mostObjectBytes) throw new ConvoyError('internal', `${key} is too large for an object`)
    return this.#attempt(`store ${key}`, call, async () => {
      const { path, name } = placeOf(key)
      const stats = await using(await this.#tree.openMade(path), (folder) => {
        const write = (naming: Naming) => writeFile(folder, { name, bytes, naming, pace: this.#pace }, call.signal)
        return createOnly === true ? this.#create(write) : write('replace')
      })
      this.#newestMs = Math.max(this.#newestMs, stats.mtimeMs)
      return describe(key, stats)
    })
  }

  async get(key: string, range: ByteRange | undefined, call: CallContext): Promise<Buffer> {
    return this.#attempt(`read ${key}`, call, async () => {
      const { path, name } = placeOf(key)
      const read = (folder: Folder) => readFile(folder, { name, range }, call.signal)
      const bytes = await using(await this.#tree.open(path), read)
      if (bytes !== undefined) return bytes
      throw new ConvoyError('not-found', `${key} in ${this.url} is no file`)
    })
  }

  async head(key: string, call: CallContext): Promise<StoredObject | undefined> {
    return this.#attempt(`look for ${key}`, call, async () => {
      const { path, name } = placeOf(key)
      const folder = await this.#tree.open(path).catch(unlessAbsent)
      const stats = folder && (await using(folder, () => folder.describe(name)))
      return stats?.isFile() === true ? describe(key, stats) : undefined
    })
  }

  async *list(prefix: string, call: CallContext): AsyncIterable<StoredObject> {
    const path = prefix.slice(0, prefix.lastIndexOf('/') + 1)
    const walk = { prefix, staleBeforeMs: this.#newestMs - dayMs, signal: call.signal }
    const folder = await this.#attempt(`list ${prefix}`, call, () =>
      this.#tree.open(parseFolder(path)).catch(unlessAbsent),
    )
    if (folder === undefined) return
    try {
      yield* walkObjects(folder, path, walk)
    } catch (thrown) {
      throw directoryError(`list ${prefix}`, this.url, thrown)
    } finally {
      await folder.close()
    }
  }

  async remove(keys: readonly string[], call: CallContext): Promise<void> {
    for (const [path, names] of byFolder(keys))
      await this.#attempt(`remove ${path}/${names[0] ?? ''}`, call, async () => {
        const folder = await this.#tree.open(path).catch(unlessAbsent)
        if (folder !== undefined) await using(folder, () => removeFiles(folder, names, call.signal))
      })
  }

  close(): Promise<void> {
    return this.#tree.close()
  }

  async #create(write: (naming: Naming) => Promise<Stats>): Promise<Stats> {
    if (this.#createOnly === 'racy') return write('racy-create')
    try {
      return await write('create')
    } catch (thrown) {
      if (!isWithoutLinks(thrown)) throw thrown
      this.#createOnly = 'racy'
      return write('racy-create')
    }
  }

  async #attempt<T>(what: string, call: CallContext, act: () => Promise<T>): Promise<T> {
    try {
      refuseAborted(call.signal)
      return await act()
    } catch (thrown) {
      throw directoryError(what, this.url, thrown)
    }
  }
}

/** What a file system says that has no hard links. */
const isWithoutLinks = (thrown: unknown) =>
  isErrno(thrown, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL') &&
  (thrown as NodeJS.ErrnoException).syscall === 'link'

/** The folder of an object and its name there. */
function placeOf(key: string): { readonly path: string; readonly name: string } {
  refuseBadKey(key)
  const slash = key.lastIndexOf('/')
  return { path: slash === -1 ? '' : key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Without the slash at the end. */
function parseFolder(path: string): string {
  if (path !== '') refuseBadKey(path.slice(0, -1))
  return path.slice(0, -1)
}

function byFolder(keys: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>()
  for (const { path, name } of keys.map(placeOf)) {
    const names = folders.get(path)
    if (names === undefined) folders.set(path, [name])
    else names.push(name)
  }
  return folders
}

const describe = (key: string, { size, mtimeMs }: Stats): StoredObject => ({
  key,
  sizeBytes: size,
  storedAtMs: Math.floor(mtimeMs),
})

async function isDirectory(path: string, url: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return true
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return false
    throw directoryError('find a repository', url, thrown)
  }
  throw new ConvoyError('invalid-argument', `${path} is no directory`, { hint: 'name a directory: vfs:///mnt/backups' })
}

function unlessAbsent(thrown: unknown): undefined {
  if (!isErrno(thrown, 'ENOENT')) throw thrown
}
