import type { Test } from 'tap'
import { parseVolumeName } from '../../../src/model/volume-name.js'
import { encodeBackupRecord } from '../../../src/repository/format/backup-record.js'
import { Repository } from '../../../src/repository/repository.js'
import { type MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import type { PseudoRandom } from '../pseudo-random.js'
import { makePlainTree } from './plain-tree.js'
import type { Layer } from './mutation-point.js'
import { RepositoryForger } from './repository-forger.js'
import { codeOfMessage, repositoryUses, type RepositoryUse, type UseResult } from './repository-uses.js'
import { RestoreGround } from './restore-ground.js'

const call = patientCall()
const unlock = { kind: 'key-file', key: Buffer.alloc(32, 7) } as const
const volume = parseVolumeName('hostile')
const names = { forged: 'backup-0000000000000001', honest: 'backup-0000000000000002' }
/** More than the use with the most takes of a store with a dozen objects. */
const mostRequests = 500

/** These take long. They are mostly left out where the manifest has been refused already: it is the same reader that would refuse it again. */
const slowUses = ['restore', 'verify', 'copy']

/** Hostile repositories, and all that anybody may do with one. */
export class HostileWorld {
  /** `restore ok`, `restore damaged`, … → how often. */
  readonly outcomes = new Map<string, number>()
  readonly #ground: RestoreGround
  readonly #forger: RepositoryForger

  private constructor(ground: RestoreGround, forger: RepositoryForger) {
    this.#ground = ground
    this.#forger = forger
  }

  static async make(t: Test): Promise<HostileWorld> {
    const store = new MemoryObjectStore()
    const repository = await Repository.init(store, { encryption: 'key', unlock, createdAtMs: 0 }, call)
    const forgerOf = (name: string, empty: MemoryBucket): RepositoryForger => {
      const backup = { volume, name }
      return new RepositoryForger({ empty, key: repository.key, tree: makePlainTree(name), backup, recordOf })
    }
    const forger = forgerOf(names.forged, forgerOf(names.honest, store.bucket).forge())
    return new HostileWorld(new RestoreGround(memoryDirectory(t)), forger)
  }

  /** Throws when anything happens but success and a message, and when verify and restore do not agree. */
  async tryAll(layer: Layer | undefined, random: PseudoRandom): Promise<void> {
    const bucket = this.#forger.forge(layer, random)
    const results = new Map<string, string>()
    for (const [name, use] of Object.entries(repositoryUses)) {
      if (slowUses.includes(name) && results.get('list') === 'damaged' && random.integer(8) > 0) continue
      const result = await this.#attempt(bucket, use, random).catch((cause: unknown) => {
        throw new Error(name, { cause })
      })
      results.set(name, result)
      const outcome = `${name} ${result}`
      this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1)
    }
    refuseDisagreement(results, layer)
  }

  /** On a copy of its own. */
  async #attempt(
    bucket: MemoryBucket,
    act: (use: RepositoryUse) => Promise<UseResult>,
    random: PseudoRandom,
  ): Promise<string> {
    let requests = 0
    const before = () => {
      if (++requests > mostRequests) throw new Error('it asks the store again and again')
    }
    const store = new MemoryObjectStore({ bucket: bucket.clone(), before })
    const { target } = this.#ground
    try {
      return await Repository.open(store, { unlock }, call)
        .then((repository) => act({ repository, volume, names, target, random }))
        .catch(codeOfMessage)
    } finally {
      this.#ground.refuseHarm()
    }
  }
}

/** Verify reads what is stored, and does not compare it with what a file should be: of that it need not know. */
const beyondVerify: readonly (Layer | undefined)[] = ['chunk', 'entries', 'shard', 'extent list', 'order of shards']

function refuseDisagreement(results: ReadonlyMap<string, string>, layer: Layer | undefined): void {
  const [verified, restored] = [results.get('verify'), results.get('restore')]
  if (verified === 'healthy' && restored === 'damaged' && !beyondVerify.includes(layer))
    throw new Error('verify did not find what restore found')
  if (verified === 'damaged' && restored === 'ok') throw new Error('verify calls damaged what was restored')
}

function recordOf(tree: Buffer, name: string): Buffer {
  const stats = { files: 18, directories: 5, others: 6, bytes: 70e6, newBytes: 1, storedBytes: 1 }
  return encodeBackupRecord({
    volume,
    name,
    createdAtMs: 1,
    host: 'there',
    tool: 'forger',
    path: '/data',
    tree,
    excludes: [],
    tags: ['night'],
    stats: { ...stats, filesNew: 18, filesChanged: 0, filesUnchanged: 0 },
    problems: [{ path: 'gone', code: 'ENOENT', message: 'it has vanished' }],
    problemCount: 1,
    isComplete: false,
  })
}
