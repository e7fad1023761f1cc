import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Test } from 'tap'
import { RepositoryIndex } from '../../../src/repository/repository-index.js'
import { type Fault, FaultInjector } from '../../fakes/fault-injector.js'
import { ManualPause } from '../../fakes/manual-pause.js'
import { MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { QuietLog } from '../../fakes/quiet-log.js'
import { openMemoryRepository } from '../memory-repository.js'
import { BackupWorld } from './backup-world.js'

const largeBytes = 6 * 1024 * 1024
/** Longer than a backup that was stopped goes on storing. */
const graceMs = 120_000

/** Lets something go wrong at each request of a backup in turn: whatever is listed is whole, and the next backup stores only what is missing. */
export async function sweepBackup(t: Test, fault: Omit<Fault, 'step'>): Promise<void> {
  const path = makeTree(t.testdir())
  const totalBytes = largeBytes + 2
  const steps = await backUpWith(await newWorld(), path, { ...fault, step: 'none of them' })
  t.ok(steps.length > 10, `${steps.length} requests`)
  for (const [step, request] of steps.entries()) {
    const world = await newWorld()
    await backUpWith(world, path, { ...fault, step })
    const arrivedBytes = await rawBytesIn(world)
    for (const { contents } of await world.readAll())
      t.equal(contents.get('large')?.length, largeBytes, `${request}: whole`)
    const { stats } = await world.backup(path)
    t.equal(stats.newBytes, totalBytes - arrivedBytes, `${request}: nothing is stored twice`)
    const all = await world.readAll()
    t.ok(all.length > 0 && all.every(({ contents }) => contents.size === 3), `${request}: the next is whole`)
    t.ok(
      world.bucket.replaced.every((key) => key.startsWith('leases/')),
      `${request}: nothing is replaced`,
    )
  }
}

function makeTree(path: string): string {
  fs.mkdirSync(join(path, 'sub'))
  fs.writeFileSync(join(path, 'small'), 'x')
  fs.writeFileSync(join(path, 'sub', 'other'), 'y')
  fs.writeFileSync(join(path, 'large'), randomBytes(largeBytes))
  return path
}

async function newWorld(): Promise<BackupWorld> {
  const world = new BackupWorld()
  await world.open()
  return world
}

/** Resolves when the backup has ended, or was killed: with the requests that it made. */
async function backUpWith(world: BackupWorld, path: string, fault: Fault): Promise<readonly string[]> {
  const injector = new FaultInjector()
  const stop = new AbortController()
  const time = new ManualPause()
  const given = { deps: { pause: time.pause }, call: { signal: stop.signal, log: new QuietLog() } }
  const store = new MemoryObjectStore({ bucket: world.bucket, injector })
  const repository = await openMemoryRepository(store)
  injector.arm(fault)
  const ended = world.backup(path, { ...given, repository }).catch(() => undefined)
  await Promise.race([ended, injector.death])
  if (!injector.isDead) return injector.steps
  // Nothing that it does reaches the store any more: this ends its threads, as the end of a process would.
  stop.abort()
  await setImmediate()
  await time.advance(graceMs)
  return injector.steps
}

/** Of the chunks of files that have arrived, whether or not an index lists them. */
async function rawBytesIn(world: BackupWorld): Promise<number> {
  const repository = await openMemoryRepository(new MemoryObjectStore({ bucket: world.bucket }))
  const index = await RepositoryIndex.load(repository, { purpose: 'read' }, patientCall())
  await index.adoptOrphans(repository, patientCall())
  let bytes = 0
  for (let record = 0; record < index.table.size; record++) {
    const location = index.table.findAt(record)
    if (location?.type === 'data') bytes += location.rawBytes
  }
  return bytes
}
