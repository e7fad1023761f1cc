import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { ObjectStore } from '../../src/object-stores/object-store.js'
import { adoptOrphans } from '../../src/repository/orphan-adoption.js'
import { decodeEntries } from '../../src/repository/format/pack-format.js'
import { Repository } from '../../src/repository/repository.js'
import { readStats } from '../../src/repository/upkeep/repository-stats.js'
import { listRepository } from '../../src/repository/repository-listing.js'
import { patientCall } from '../fakes/memory-object-store.js'
import type { PseudoRandom } from './pseudo-random.js'
import { snapshotTree, type TreeSnapshot } from './tree-snapshot.js'

const program = fileURLToPath(new URL('../../program/convoy.cjs', import.meta.url))
const call = patientCall()
/** So little that packs are small, and many arrive before the end. */
const memoryLimit = '150m'

export interface Outcome {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Where the repository is, for the program and for the test. */
export interface Destination {
  readonly url: string
  /** Of the commands: how to get there. */
  readonly flags: readonly string[]
  readonly environment: Readonly<Record<string, string>>
  /** Makes something go wrong with the next command, if there is anything. */
  disturb?(): void
  /** What is there now, to look at. */
  openStore(): ObjectStore
}

/** The real program, which works on a repository and is killed, and what is left of its work. */
export class KillWorld {
  readonly source: string
  readonly #directory: string
  readonly #destination: Destination

  constructor(directory: string, destination: Destination) {
    this.#directory = directory
    this.#destination = destination
    this.source = join(directory, 'source')
    mkdirSync(this.source)
  }

  /** Files that have nothing in common with those of another name. */
  fill(name: string, mebibytes: number, random: PseudoRandom): void {
    const folder = join(this.source, name)
    mkdirSync(folder)
    for (let index = 0; index < 50; index++)
      writeFileSync(join(folder, `small-${index}`), random.bytes(100 + random.integer(3000)))
    writeFileSync(join(folder, 'large'), random.bytes(mebibytes * 2 ** 20))
  }

  removeFilled(name: string): void {
    rmSync(join(this.source, name), { recursive: true })
  }

  /** Resolves to the URL of the backup, and throws when there is none. */
  async backUp(): Promise<string> {
    return (await this.succeed(...this.#creation)).stdout.trim()
  }

  /** As soon as so many more packs have arrived. */
  async killBackup(packs: number): Promise<Outcome> {
    const wanted = (await this.#countPacks()) + packs
    return this.#runKilled(this.#creation, async () => (await this.#countPacks()) >= wanted)
  }

  async prune(): Promise<void> {
    await this.succeed(...this.#pruning)
  }

  /** The killed are not waited for. */
  async unlock(): Promise<void> {
    await this.succeed('repository', 'unlock', '--all', '--yes', this.#destination.url)
  }

  /** After so long, unless it has ended. */
  async killPrune(afterMs: number): Promise<Outcome> {
    const start = performance.now()
    return this.#runKilled(this.#pruning, () => performance.now() - start >= afterMs)
  }

  /** URLs of what is listed. */
  async listed(): Promise<string[]> {
    const { stdout } = await this.succeed('backup', 'list', this.#destination.url)
    return Object.keys(JSON.parse(stdout) as Record<string, unknown>)
  }

  async delete(url: string): Promise<void> {
    await this.succeed('backup', 'delete', '--yes', url)
  }

  /** What a backup brings back. */
  async restored(url: string): Promise<TreeSnapshot> {
    const target = join(this.#directory, 'restored')
    await this.succeed('backup', 'extract', url, '--to', target)
    const snapshot = snapshotTree(target)
    rmSync(target, { recursive: true })
    return snapshot
  }

  async verify(): Promise<void> {
    await this.succeed('backup', 'verify', this.#destination.url, '--read-data')
  }

  /** How often each chunk is stored, by hex id, as the packs themselves say. */
  async storedChunks(): Promise<Map<string, number>> {
    const repository = await this.#open()
    const { packs } = await listRepository(repository.store, call)
    // Whether an index lists them is not asked: they are all read.
    const { adopted } = await adoptOrphans(repository, [...packs.values()], call)
    const counts = new Map<string, number>()
    for (const { pack } of adopted)
      for (const { id } of decodeEntries(pack.entries, pack)) {
        const key = id.toString('hex')
        counts.set(key, (counts.get(key) ?? 0) + 1)
      }
    return counts
  }

  /** What a prune would still give back. */
  async reclaimableBytes(): Promise<number> {
    return (await readStats(await this.#open(), {}, call)).reclaimableBytes
  }

  async #countPacks(): Promise<number> {
    return (await listRepository(this.#destination.openStore(), call)).packs.size
  }

  #open(): Promise<Repository> {
    return Repository.open(this.#destination.openStore(), {}, call)
  }

  async succeed(...args: readonly string[]): Promise<Outcome> {
    const outcome = await outcomeOf(this.#start(args))
    if (outcome.exitCode !== 0) throw new Error(`convoy ${args.join(' ')}: ${outcome.stderr}`)
    return outcome
  }

  async #runKilled(args: readonly string[], isTime: () => Promise<boolean> | boolean): Promise<Outcome> {
    const child = this.#start(args)
    const outcome = outcomeOf(child)
    while (child.exitCode === null && !(await isTime())) await sleep(5)
    child.kill('SIGKILL')
    return outcome
  }

  get #creation(): readonly string[] {
    const flags = ['--volume', 'killed', '--encryption', 'none', '--limit-memory', memoryLimit]
    return ['backup', 'create', '--path', this.source, '--dest', this.#destination.url, ...flags]
  }

  get #pruning(): readonly string[] {
    return ['backup', 'prune', '--yes', this.#destination.url]
  }

  #start(args: readonly string[]): ChildProcess {
    const { flags, environment } = this.#destination
    this.#destination.disturb?.()
    const env = { PATH: process.env['PATH'], HOME: this.#directory, AWS_EC2_METADATA_DISABLED: 'true', ...environment }
    return spawn(process.execPath, [program, ...args, ...flags], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  }
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const texts = { stdout: '', stderr: '' }
  child.stdout?.on('data', (bytes) => (texts.stdout += String(bytes)))
  child.stderr?.on('data', (bytes) => (texts.stderr += String(bytes)))
  const [exitCode] = (await once(child, 'close')) as [number | null]
  return { exitCode, ...texts }
}
