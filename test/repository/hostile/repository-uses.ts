import { ConvoyError } from '../../../src/errors.js'
import { openBackupTree } from '../../../src/repository/backup-tree.js'
import { copyBackup } from '../../../src/repository/upkeep/copy-backup.js'
import { diffTrees } from '../../../src/repository/queries/diff-trees.js'
import { findEntries } from '../../../src/repository/queries/find-entries.js'
import { listTree } from '../../../src/repository/queries/list-tree.js'
import { prune } from '../../../src/repository/upkeep/prune.js'
import { readFile } from '../../../src/repository/queries/read-file.js'
import { repair } from '../../../src/repository/upkeep/repair.js'
import type { Repository } from '../../../src/repository/repository.js'
import { readStats } from '../../../src/repository/upkeep/repository-stats.js'
import { restore } from '../../../src/repository/restore/restore.js'
import { verify } from '../../../src/repository/verify/verify.js'
import type { VolumeName } from '../../../src/model/volume-name.js'
import { MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { ManualPause } from '../../fakes/manual-pause.js'
import { openMemoryRepository } from '../memory-repository.js'
import type { PseudoRandom } from '../pseudo-random.js'

const call = patientCall()
/** Whoever reads a file to its end would read a hole of a terabyte. */
const mostReadBytes = 2 ** 21
const readPaths = ['data\0small-3', 'data\0large', 'data\0sparse', 'second', 'link', 'deep']

/** One of the things that anybody may do with a repository. */
export interface RepositoryUse {
  readonly repository: Repository
  readonly volume: VolumeName
  /** Of a hostile host, and of an honest one. */
  readonly names: { readonly forged: string; readonly honest: string }
  /** Where a restore may go to. */
  readonly target: string
  readonly random: PseudoRandom
}

/** What they do not agree in must not be: see {@link HostileWorld}. */
export type UseResult = 'ok' | 'healthy' | 'damaged'

export const repositoryUses: Readonly<Record<string, (use: RepositoryUse) => Promise<UseResult>>> = {
  list: async (use) => drain(listTree(await openForged(use), { path: Buffer.alloc(0), recursive: true })),
  restore: restoreForged,
  verify: async (use) => {
    const deps = { now: () => 0, threads: 1 }
    const report = await verify(use.repository, { readData: 'all', marks: use.random.integer(2) === 0 }, deps, call)
    if (report.affected.some(({ name }) => name === use.names.forged)) return 'damaged'
    return report.isHealthy ? 'healthy' : 'ok'
  },
  find: async (use) => drain(findEntries(await openForged(use), { patterns: ['*'] })),
  read: readSomeFiles,
  compare: async ({ repository, volume, names }) => {
    const honest = await openBackupTree(repository, { volume, name: names.honest }, call)
    return drain(diffTrees(honest, await openBackupTree(repository, { volume, name: names.forged }, call)))
  },
  stats: async ({ repository }) => done(readStats(repository, {}, call)),
  copy: async ({ repository, volume, names }) => {
    const to = await openMemoryRepository(new MemoryObjectStore())
    return done(copyBackup({ from: repository, to, backup: { volume, name: names.forged } }, leaseDeps(), call))
  },
  prune: async ({ repository, random }) =>
    done(prune(repository, { action: random.pick(['report', 'remove']) }, leaseDeps(), call)),
  repair: async ({ repository, random }) => {
    const request = { action: random.pick(['report', 'mend'] as const), setAside: random.integer(2) === 0 }
    return done(repair(repository, request, leaseDeps(), call))
  },
}

/** A ConvoyError is a message; everything else is a crash, and `internal` is one that was caught. */
export function codeOfMessage(thrown: unknown): string {
  if (thrown instanceof ConvoyError && thrown.code !== 'internal') return thrown.code
  throw thrown
}

async function restoreForged({ repository, volume, names, target, random }: RepositoryUse): Promise<UseResult> {
  const request = { volume, name: names.forged, to: target, devices: false, keepHealthy: random.integer(2) === 0 }
  const { problems } = await restore(repository, request, { threads: 1 }, call)
  return problems.some(({ code }) => code === 'damaged') ? 'damaged' : 'ok'
}

async function readSomeFiles(use: RepositoryUse): Promise<UseResult> {
  const tree = await openForged(use)
  for (const path of readPaths) {
    let left = mostReadBytes
    try {
      for await (const bytes of readFile(tree, Buffer.from(path), call)) if ((left -= bytes.length) < 0) break
    } catch (thrown) {
      codeOfMessage(thrown)
    }
  }
  return 'ok'
}

const openForged = ({ repository, volume, names }: RepositoryUse) =>
  openBackupTree(repository, { volume, name: names.forged }, call)

const leaseDeps = () => ({ pause: new ManualPause().pause, hostName: 'victim', pid: 1 })

async function drain(items: AsyncIterable<unknown>): Promise<UseResult> {
  for await (const item of items) if (item === undefined) break
  return 'ok'
}

async function done(work: Promise<unknown>): Promise<UseResult> {
  await work
  return 'ok'
}
