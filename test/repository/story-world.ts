import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { isConvoyError } from '../../src/errors.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import { backup } from '../../src/repository/backup/backup.js'
import type { BackupName } from '../../src/repository/format/backup-name.js'
import type { Repository } from '../../src/repository/repository.js'
import { restore } from '../../src/repository/restore/restore.js'
import { copyBackup } from '../../src/repository/upkeep/copy-backup.js'
import { deleteBackup } from '../../src/repository/upkeep/delete-backup.js'
import { prune } from '../../src/repository/upkeep/prune.js'
import { repair } from '../../src/repository/upkeep/repair.js'
import { verify } from '../../src/repository/verify/verify.js'
import { MemoryBucket, patientCall } from '../fakes/memory-object-store.js'
import type { PseudoRandom } from './pseudo-random.js'
import { StoryHosts, type StoryProcess } from './story-hosts.js'
import { StoryTree } from './story-tree.js'
import { assertTidy, TinyHost } from './tiny-world.js'
import type { TreeSnapshot } from './tree-snapshot.js'
import { snapshotTree } from './tree-snapshot.js'

const actsOfHost = 3
/** Until also the places of records have been given up that somebody might have slept before. */
const longMs = 32 * 24 * 60 * 60_000
const volume = parseVolumeName('db1')
const [main, other] = ['main', 'other'] as const
const repositories = [main, other] as const
type RepositoryName = (typeof repositories)[number]

/** So little that there is one thread. */
const limitMemoryBytes = 1

type Act = (tree: StoryTree) => Promise<void>

/**
 * Hosts that do all that one may do with two repositories, at the same time, with the real thing. They all die and sleep now and then, and
 * in some stories one of the repositories takes damage.
 */
export class StoryWorld {
  readonly hosts: StoryHosts
  readonly #random: PseudoRandom
  readonly #directory: string
  readonly #buckets: Readonly<Record<RepositoryName, MemoryBucket>> = {
    main: new MemoryBucket(),
    other: new MemoryBucket(),
  }
  /** What each backup was made of; its number is its tag. */
  readonly #wanted: TreeSnapshot[] = []
  readonly #committed = new Set<string>()
  readonly #deleted = new Set<string>()
  /** Backups that were begun before damage was told may be without what they refer to. */
  #harmedBefore = 0
  #targets = 0
  /** Of each host. */
  readonly #acts: readonly (readonly Act[])[]

  constructor(directory: string, random: PseudoRandom, options: { readonly isHarmed: boolean }) {
    this.#directory = directory
    this.#random = random
    this.hosts = new StoryHosts(random)
    const backUp: Act = (tree) => this.#backUp(tree)
    const copy: Act = () => this.#copy()
    // What was deleted is what a backup that is under way may refer to still.
    const clean: Act = async () => {
      await this.#delete()
      await this.#prune()
    }
    const others: Act[] = [copy, clean, clean, clean, () => this.#prune(), () => this.#verify()]
    const harms: Act[] = options.isHarmed ? [() => this.#harm(), () => this.#repair()] : []
    const writing = [backUp, backUp, backUp, backUp, copy]
    this.#acts = [writing, writing, [...others, ...harms]]
  }

  async run(): Promise<void> {
    for (const name of repositories) await TinyHost.start(this.#buckets[name])
    const hosts = this.#acts.map((acts, number) => () => this.#live(number, acts))
    await this.hosts.run(hosts, Object.values(this.#buckets))
    for (const name of repositories) await this.#end(name)
  }

  async #live(number: number, acts: readonly Act[]): Promise<void> {
    const path = join(this.#directory, `host-${number}`)
    mkdirSync(path)
    const tree = new StoryTree(path, this.#random)
    await this.#backUp(tree)
    for (let count = 0; count < actsOfHost; count++) await this.#random.pick(acts)(tree)
  }

  async #backUp(tree: StoryTree): Promise<void> {
    for (let changes = this.#random.integer(4); changes > 0; changes--) tree.change()
    const number = this.#wanted.push(tree.snapshot()) - 1
    const request = { path: tree.path, volume, excludes: [], tags: [String(number)], limitMemoryBytes }
    await this.#process(`backup ${number}`, [main], async ({ host, call }) => {
      // Later than the last change: what was changed just now is not trusted.
      const deps = { ...host.deps, now: () => Date.now() + 60_000, tool: 'story' }
      const { record } = await backup(host.repository, request, deps, call)
      this.#committed.add(`${main} ${record.name}`)
    })
  }

  async #delete(): Promise<void> {
    const place = this.#random.pick([main, main, main, other])
    await this.#process(`delete in ${place}`, [place], async ({ host, call }) => {
      for (const backup of await this.#list(host.repository)) {
        if (this.#random.integer(4) === 0) continue
        this.#deleted.add(`${place} ${backup.name}`)
        await deleteBackup(host.repository, backup, call)
      }
    })
  }

  async #prune(): Promise<void> {
    const place = this.#random.pick([main, main, main, other])
    await this.#process(`prune of ${place}`, [place], async ({ host, call }) => {
      await this.#unlessHarmed(place, () => prune(host.repository, { action: 'remove' }, host.deps, call))
    })
  }

  async #copy(): Promise<void> {
    const [from, to] = this.#random.pick([
      [main, other],
      [other, main],
    ] as const)
    await this.#process(`copy to ${to}`, [from, to], async (source, { host, call }) => {
      for (const backup of await this.#list(source.host.repository)) {
        if (this.#random.integer(2) === 0) continue
        const request = { from: source.host.repository, to: host.repository, backup }
        await this.#unlessGone(from, backup, async () => {
          await copyBackup(request, host.deps, call)
          this.#committed.add(`${to} ${backup.name}`)
          this.#deleted.delete(`${to} ${backup.name}`)
        })
      }
    })
  }

  async #verify(): Promise<void> {
    // Not killed: nothing would end its threads.
    const { repository } = await TinyHost.start(this.#buckets.main)
    await this.#look(repository)
  }

  async #repair(): Promise<void> {
    await this.#process('repair', [main], ({ host, call }) =>
      repair(host.repository, { action: 'mend', setAside: false }, host.deps, call),
    )
  }

  async #harm(): Promise<void> {
    const bucket = this.#buckets.main
    const keys = ['data/', 'meta/', 'index/'].flatMap((prefix) => bucket.keys(prefix))
    if (keys.length === 0) return
    const key = this.#random.pick(keys)
    const at = this.#random.integer(bucket.bytes(key).length)
    const kind = this.#random.pick(['goes', 'is cut off', 'is spoilt'])
    this.hosts.log.push(`${key} ${kind}`)
    this.#harmedBefore = Infinity
    if (kind === 'goes') bucket.objects.delete(key)
    else bucket.damage(key, (bytes) => (kind === 'is spoilt' ? bytes.fill(0xaa, at) : bytes.subarray(0, at)))
    const { repository } = await TinyHost.start(bucket)
    await this.#look(repository)
    this.#harmedBefore = this.#wanted.length
  }

  /** All is well once nobody is at work any more, and nothing is kept for nothing. */
  async #end(place: RepositoryName): Promise<void> {
    const bucket = this.#buckets[place]
    bucket.clock.advance(longMs)
    const host = await TinyHost.start(bucket)
    if (this.#isHarmed(place)) await this.#mend(place, host)
    for (let count = 0; count < 2; count++) await host.prune()
    assert.equal((await this.#look(host.repository)).isHealthy, true, `${place} is healthy`)
    const backups = await this.#list(host.repository)
    for (const backup of backups) await this.#assertWhole(host.repository, backup)
    const listed = new Set(backups.map(({ name }) => `${place} ${name}`))
    for (const key of this.#committed)
      assert.ok(!key.startsWith(place) || listed.has(key) || this.#deleted.has(key), `${key} has gone`)
    await assertTidy(bucket)
    const kept = bucket.keys().filter((key) => !/^(config.json|(data|meta|index|backups)\/)/.test(key))
    assert.deepEqual(kept, [])
  }

  /** Backups that are lost are deleted, as anybody would. No other may be. */
  async #mend(place: RepositoryName, host: TinyHost): Promise<void> {
    await this.#look(host.repository)
    await repair(host.repository, { action: 'mend', setAside: false }, host.deps, host.call)
    const { affected } = await this.#look(host.repository)
    for (const { volume, name } of affected) {
      const { tags } = await host.repository.readRecord(volume, name, host.call)
      assert.ok(Number(tags[0]) < this.#harmedBefore, `${name} was begun when the damage was known`)
      this.#deleted.add(`${place} ${name}`)
      await deleteBackup(host.repository, { volume, name }, host.call)
    }
  }

  async #assertWhole(repository: Repository, { volume, name }: BackupName): Promise<void> {
    const to = join(this.#directory, `target-${this.#targets++}`)
    const request = { volume, name, to, devices: false, keepHealthy: false }
    await restore(repository, request, { threads: 1 }, patientCall())
    const { tags } = await repository.readRecord(volume, name, patientCall())
    assert.deepEqual(snapshotTree(to), this.#wanted[Number(tags[0])], `${name} is what it was made of`)
    rmSync(to, { recursive: true })
  }

  #look(repository: Repository) {
    return verify(repository, { readData: 'all', marks: true }, { now: () => 0, threads: 1 }, patientCall())
  }

  async #list(repository: Repository): Promise<readonly BackupName[]> {
    const backups: BackupName[] = []
    for await (const backup of repository.listBackups(patientCall())) backups.push(backup)
    return backups
  }

  #isHarmed(place: RepositoryName): boolean {
    return place === main && this.#harmedBefore > 0
  }

  async #unlessHarmed(place: RepositoryName, act: () => Promise<unknown>): Promise<void> {
    try {
      await act()
    } catch (thrown) {
      if (!isConvoyError(thrown, 'damaged') || !this.#isHarmed(place)) throw thrown
    }
  }

  /** A backup may be deleted while it is copied. */
  async #unlessGone(place: RepositoryName, { name }: BackupName, act: () => Promise<unknown>): Promise<void> {
    try {
      await this.#unlessHarmed(place, act)
    } catch (thrown) {
      const isOver = isConvoyError(thrown, 'not-found') || isConvoyError(thrown, 'damaged')
      if (!isOver || !this.#deleted.has(`${place} ${name}`)) throw thrown
    }
  }

  async #process(
    what: string,
    places: readonly RepositoryName[],
    act: (...processes: StoryProcess[]) => Promise<unknown>,
  ): Promise<void> {
    const buckets = places.map((place) => this.#buckets[place])
    await this.hosts.process(what, buckets, act)
  }
}
