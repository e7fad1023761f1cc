import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { repair } from '../../src/repository/upkeep/repair.js'
import { restore } from '../../src/repository/restore/restore.js'
import { prune } from '../../src/repository/upkeep/prune.js'
import { verify } from '../../src/repository/verify/verify.js'
import { ManualPause } from '../fakes/manual-pause.js'
import { patientCall } from '../fakes/memory-object-store.js'
import { memoryDirectory } from '../host/memory-directory.js'
import { BackupWorld, volume } from './backup/backup-world.js'
import { PseudoRandom } from './pseudo-random.js'
import { snapshotTree } from './tree-snapshot.js'

const call = patientCall()
const deps = { pause: new ManualPause().pause, hostName: 'host', pid: 1, now: () => 0, threads: 1 }
const sizes = { small: 2000, other: 3000, large: 900_000 }

async function setUp(t: Test) {
  const directory = memoryDirectory(t)
  const path = join(directory, 'source')
  mkdirSync(path)
  const random = new PseudoRandom('heal')
  for (const [name, sizeBytes] of Object.entries(sizes)) writeFileSync(join(path, name), random.bytes(sizeBytes))
  const world = new BackupWorld()
  const repository = await world.open()
  let targets = 0
  const restored = async (name: string) => {
    const to = join(directory, `target-${targets++}`)
    await restore(repository, { volume, name, to, devices: false, keepHealthy: false }, deps, call)
    return snapshotTree(to)
  }
  const look = () => verify(repository, { readData: 'all', marks: true }, deps, call)
  const mend = () => repair(repository, { action: 'mend', setAside: false }, deps, call)
  return { path, world, bucket: world.bucket, repository, restored, look, mend }
}

for (const kind of ['data', 'meta'] as const)
  for (const order of ['backup, then repair', 'repair, then backup'] as const)
    t.test(`damage to ${kind} is named and marked, and after ${order} the old backup is whole again`, async (t) => {
      const { path, world, bucket, repository, restored, look, mend } = await setUp(t)
      const wanted = snapshotTree(path)
      const first = await world.backup(path)
      const [pack = ''] = bucket.keys(`${kind}/`)
      // Its first blob.
      bucket.damage(pack, (bytes) => bytes.fill(0xaa, 60, 70))
      const found = await look()
      t.match(found, { isHealthy: false, damaged: [{ kind: 'pack', key: pack }], affected: [{ name: first.name }] })
      t.strictSame(bucket.keys('damaged/'), [`damaged/${pack.slice(-64)}`])
      await t.rejects(restored(first.name), { code: 'damaged' })

      const repaired = order === 'repair, then backup' ? await mend() : undefined
      const second = await world.backup(path)
      const { newBytes, bytes } = second.stats
      if (kind === 'meta') t.equal(newBytes, 0)
      else if (repaired === undefined) t.equal(newBytes, bytes, 'nothing that lies in the pack is relied on')
      else t.ok(newBytes > 0 && newBytes < bytes, 'only what could not be saved is stored again')
      const { salvages } = repaired ?? (await mend())
      t.match(salvages, [{ pack, lost: repaired === undefined ? 0 : 1 }])

      t.strictSame(await restored(first.name), wanted)
      t.strictSame(await restored(second.name), wanted)
      await prune(repository, { action: 'remove' }, deps, call)
      t.notOk(bucket.objects.has(pack))
      t.strictSame(bucket.keys('damaged/'), [])
      t.match(await look(), { isHealthy: true, backups: 2 })
      t.strictSame(await restored(first.name), wanted)
    })
