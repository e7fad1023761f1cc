import { randomBytes, randomUUID } from 'node:crypto'
import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { VolumeName } from '../model/volume-name.js'
import type { ObjectStore, StoredObject } from '../object-stores/object-store.js'
import {
  type BackupRecord,
  encodeBackupRecord,
  findBackupOfKey,
  parseBackupRecord,
  recordKey,
} from './format/backup-record.js'
import { encodeIndexSegment, type IndexedPack, segmentsOf } from './format/index-segment.js'
import type { Unlock } from './format/key-slots.js'
import { putKeySlot, unlockWithSlots } from './key-ring.js'
import {
  configKey,
  encodeRepositoryConfig,
  parseRepositoryConfig,
  type RepositoryConfig,
  type RepositoryEncryption,
} from './format/repository-config.js'
import { keyBytes, RepositoryKey } from './format/repository-key.js'
import { openObject, sealObject } from './format/sealed-object.js'

export interface InitOptions {
  readonly encryption: RepositoryEncryption
  /** What the first key slot opens with; needed with encryption `key`. */
  readonly unlock?: Unlock
  /** Of the first key slot, for people. */
  readonly label?: string
  readonly createdAtMs: number
}

export interface OpenOptions {
  /** Not needed for a repository without encryption. */
  readonly unlock?: Unlock | undefined
  /** What is known of it from before: another repository in its place, or one that has lost its encryption, is refused. */
  readonly expected?: Pick<RepositoryConfig, 'repositoryId' | 'encryption'>
}

/** A backup, as a listing of the store shows it. */
export interface ListedBackup {
  readonly volume: VolumeName
  readonly name: string
  readonly storedAtMs: number
}

/** A repository that has been opened: its store, its key, and its sealed objects. */
export class Repository {
  readonly store: ObjectStore
  readonly config: RepositoryConfig
  readonly key: RepositoryKey

  private constructor(store: ObjectStore, config: RepositoryConfig, key: RepositoryKey) {
    this.store = store
    this.config = config
    this.key = key
  }

  /** Makes a repository where there is none. ConvoyError `already-exists`. */
  static async init(store: ObjectStore, options: InitOptions, call: CallContext): Promise<Repository> {
    const { encryption, unlock, createdAtMs } = options
    await refuseUsedPlace(store, call)
    const key = new RepositoryKey(randomBytes(keyBytes), randomUUID())
    const open = encryption === 'none' ? { openKey: key.master } : {}
    const config = { repositoryId: key.repositoryId, createdAtMs, encryption, ...open }
    const slots: string[] = []
    if (encryption === 'key') {
      if (unlock === undefined) throw new ConvoyError('invalid-argument', `a repository at ${store.url} needs a key`)
      // Before the configuration: a crash between them leaves a slot that opens nothing, not a repository that nothing opens.
      const label = options.label ?? 'first'
      slots.push(await putKeySlot({ store, key }, unlock, { label, createdAtMs }, call))
    }
    try {
      await store.put(configKey, encodeRepositoryConfig(config), { createOnly: true }, call)
    } catch (thrown) {
      if (isConvoyError(thrown, 'already-exists')) await store.remove(slots, call)
      throw thrown
    }
    return new Repository(store, config, key)
  }

  /** What can be known of a repository without its key. ConvoyError `not-found` when there is none. */
  static async readConfig(store: ObjectStore, call: CallContext): Promise<RepositoryConfig> {
    const bytes = await store.get(configKey, undefined, call).catch((thrown: unknown) => {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
      throw new ConvoyError('not-found', `there is no repository at ${store.url}`, {
        hint: `make one: convoy repository init ${store.url}`,
        cause: thrown,
      })
    })
    return parseRepositoryConfig(bytes, `the configuration of ${store.url}`)
  }

  /**
   * ConvoyError `not-found` when there is no repository, `invalid-argument` when the key is missing or another one, `unsupported`
   * for the format of a later version.
   */
  static async open(store: ObjectStore, { unlock, expected }: OpenOptions, call: CallContext): Promise<Repository> {
    const config = await Repository.readConfig(store, call)
    if (expected !== undefined) refuseOther(store, config, expected)
    const master = config.openKey ?? (await unlockWithSlots({ store, config }, unlock, call))
    return new Repository(store, config, new RepositoryKey(master, config.repositoryId))
  }

  /** Seals and stores. With `createOnly` ConvoyError `already-exists` when there is such an object. */
  async putSealed(
    objectKey: string,
    payload: Uint8Array,
    options: { readonly createOnly?: boolean },
    call: CallContext,
  ): Promise<StoredObject> {
    return this.store.put(objectKey, sealObject(this.key, objectKey, payload), options, call)
  }

  /** ConvoyError `not-found`, or `damaged` when it is not what was stored there. */
  async getSealed(objectKey: string, call: CallContext): Promise<Buffer> {
    return openObject(this.key, objectKey, await this.store.get(objectKey, undefined, call))
  }

  /**
   * Of all volumes, or of one, in the order of their names. What has no such name is no backup, and neither is an empty object:
   * that keeps a writer from committing whose lease was ended.
   */
  async *listBackups(call: CallContext, volume?: VolumeName): AsyncGenerator<ListedBackup> {
    const prefix = volume === undefined ? 'backups/' : recordKey(volume, '')
    for await (const { key, sizeBytes, storedAtMs } of this.store.list(prefix, call)) {
      const backup = findBackupOfKey(key)
      if (backup !== undefined && sizeBytes > 0) yield { ...backup, storedAtMs }
    }
  }

  /** ConvoyError `not-found` or `damaged`. */
  async readRecord(volume: string, name: string, call: CallContext): Promise<BackupRecord> {
    const objectKey = recordKey(volume, name)
    const bytes = await this.store.get(objectKey, undefined, call).catch((thrown: unknown) => {
      if (isConvoyError(thrown, 'not-found')) return noBytes
      throw thrown
    })
    if (bytes.length === 0)
      throw new ConvoyError('not-found', `there is no backup ${name} of volume ${volume} at ${this.store.url}`)
    return parseBackupRecord(openObject(this.key, objectKey, bytes), { volume, name })
  }

  /** The commit: the backup is there when this resolves. */
  async putRecord(record: BackupRecord, call: CallContext): Promise<StoredObject> {
    const objectKey = recordKey(record.volume, record.name)
    return this.putSealed(objectKey, encodeBackupRecord(record), { createOnly: true }, call)
  }

  /** Stores an index of these packs, in as many segments as it takes; says their keys. */
  async putIndex(packs: readonly IndexedPack[], call: CallContext): Promise<readonly string[]> {
    const keys: string[] = []
    for (const group of segmentsOf(packs)) {
      const objectKey = `index/${randomBytes(16).toString('hex')}`
      await this.putSealed(objectKey, encodeIndexSegment(group), { createOnly: true }, call)
      keys.push(objectKey)
    }
    return keys
  }
}

const noBytes = Buffer.alloc(0)

async function refuseUsedPlace(store: ObjectStore, call: CallContext): Promise<void> {
  if ((await store.head(configKey, call)) !== undefined)
    throw new ConvoyError('already-exists', `there is a repository at ${store.url} already`)
  for (const prefix of ['data/', 'backups/'])
    for await (const { key } of store.list(prefix, call))
      throw new ConvoyError(
        'already-exists',
        `${store.url} holds ${key} of a repository that has lost its ${configKey}`,
        {
          hint: `bring ${configKey} back, or use another place`,
        },
      )
}

function refuseOther(
  store: ObjectStore,
  config: RepositoryConfig,
  expected: Pick<RepositoryConfig, 'repositoryId' | 'encryption'>,
): void {
  const what = config.repositoryId !== expected.repositoryId ? 'another repository' : 'a repository without encryption'
  if (config.repositoryId === expected.repositoryId && (config.encryption === 'key' || expected.encryption === 'none'))
    return
  throw new ConvoyError('invalid-argument', `there is ${what} at ${store.url} now`, {
    hint: 'somebody has replaced it: look at who can write there',
  })
}
