import * as fs from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../../src/errors.js'
import { Repository } from '../../../src/repository/repository.js'
import { restore } from '../../../src/repository/restore/restore.js'
import { verify } from '../../../src/repository/verify/verify.js'
import { type MemoryBucket, MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { firstBackup, HandMadeRepository, volume } from '../hand-made-repository.js'
import { snapshotTree, type TreeSnapshot } from '../tree-snapshot.js'

const call = patientCall()
const name = firstBackup
const deps = { threads: 1, now: () => 0 }

/** A backup of small and large files in several packs of each kind, so that some files survive each damage. */
async function backedUp(t: Test) {
  const directory = memoryDirectory(t)
  const source = join(directory, 'source')
  for (const folder of ['a', 'b', 'c']) {
    fs.mkdirSync(join(source, folder), { recursive: true })
    for (let file = 0; file < 4; file += 1) fs.writeFileSync(join(source, folder, `small-${file}`), `${folder} ${file}`)
    fs.writeFileSync(join(source, folder, 'large'), incompressible(200_000, folder))
    fs.symlinkSync('large', join(source, folder, 'link'))
  }
  fs.writeFileSync(join(source, 'c/larger'), incompressible(1_300_000, 'larger'))
  const store = new MemoryObjectStore()
  const made = await HandMadeRepository.make(store, 300_000)
  await made.backUp(source)
  return { directory, source, bucket: store.bucket }
}

function incompressible(length: number, seed: string): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed.charCodeAt(0) * seed.length
  for (let index = 0; index < length; index += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) | 0
    bytes[index] = state >>> 16
  }
  return bytes
}

const flipAt = (share: number) => (bytes: Buffer) => {
  const at = Math.min(Math.floor(share * bytes.length), bytes.length - 1)
  bytes[at] = (bytes[at] ?? 0) ^ 0x10
  return bytes
}

/** What can become of an object. `other` is another of its kind. */
const damages: Readonly<Record<string, (bytes: Buffer, other: Buffer) => Buffer | undefined>> = {
  'its first byte flipped': flipAt(0),
  'its salt flipped': (bytes) => flipAt(40 / bytes.length)(bytes),
  'a byte after the head flipped': (bytes) => flipAt(60 / bytes.length)(bytes),
  'a byte in the middle flipped': flipAt(0.5),
  'a byte near the end flipped': (bytes) => flipAt((bytes.length - 30) / bytes.length)(bytes),
  'its last byte flipped': flipAt(1),
  'its end cut off': (bytes) => bytes.subarray(0, bytes.length - 1),
  'cut in half': (bytes) => bytes.subarray(0, bytes.length >>> 1),
  emptied: () => Buffer.alloc(0),
  'a byte added': (bytes) => Buffer.concat([bytes, Buffer.of(0)]),
  'exchanged for another': (_, other) => other,
  removed: () => undefined,
}

function kindsOf(bucket: MemoryBucket): readonly string[] {
  return [...new Set(bucket.keys().map((key) => key.replace(/\/.*/, '')))].filter((kind) => kind !== 'config.json')
}

t.test('what is damaged is found and named, and what is restored beside it is right', async (t) => {
  const { directory, source, bucket } = await backedUp(t)
  const original = snapshotTree(source)
  for (const kind of kindsOf(bucket))
    for (const [what, damage] of Object.entries(damages)) {
      // An empty object is no backup: it keeps one that was given up from being stored.
      if (kind === 'backups' && what === 'emptied') continue
      const keys = bucket.keys(`${kind}/`)
      const key = keys[keys.length >>> 1] ?? ''
      const hurt = bucket.clone()
      const other = hurt.bytes(keys.find((one) => one !== key) ?? 'config.json')
      const bytes = damage(Buffer.from(hurt.bytes(key)), Buffer.from(other))
      if (bytes === undefined) hurt.objects.delete(key)
      else hurt.damage(key, () => bytes)
      await t.test(`${key}: ${what}`, async (t) => looksAndRestores(t, { bucket: hurt, key, directory, original }))
    }
})

async function looksAndRestores(
  t: Test,
  {
    bucket,
    key,
    directory,
    original,
  }: { bucket: MemoryBucket; key: string; directory: string; original: TreeSnapshot },
): Promise<void> {
  const repository = await Repository.open(new MemoryObjectStore({ bucket }), {}, call)
  const report = await verify(repository, { readData: 'all', marks: false }, deps, call)
  const isRemoved = !bucket.objects.has(key)
  // A backup that was removed is one that was deleted.
  if (!isRemoved || !key.startsWith('backups/')) t.notOk(report.isHealthy, 'it is found')
  if (!isRemoved || key.startsWith('data/'))
    t.ok(
      report.damaged.some((object) => object.key === key),
      'it is named',
    )
  const affected = new Set(report.affected.flatMap(({ paths }) => paths.map(({ path }) => path)))

  const to = join(directory, 'target')
  const request = { volume, name, to, devices: false }
  const error = await restore(repository, { ...request, keepHealthy: false }, deps, call).catch(
    (thrown: unknown) => thrown,
  )
  if (error instanceof ConvoyError) t.notOk(fs.existsSync(to), 'nothing is there that looks whole')
  else t.strictSame(snapshotTree(to), original, 'what no file needs to be right was damaged')
  fs.rmSync(to, { recursive: true, force: true })
  t.equal(
    error instanceof ConvoyError,
    report.affected.length > 0 || isRemoved,
    'a backup is affected that cannot be restored',
  )
  try {
    const summary = await restore(repository, { ...request, keepHealthy: true }, deps, call)
    const left = new Set(summary.problems.map(({ path }) => path))
    const restored = snapshotTree(to)
    for (const [path, entry] of Object.entries(original)) {
      if (left.has(path) && entry.type !== 'directory') t.notOk(restored[path], `nothing is left of ${path}`)
      if (left.has(path)) continue
      if (restored[path] !== undefined) t.strictSame(restored[path], entry, `${path} is what it was`)
      else t.ok(left.size > 0, `${path} is missing, and something is said`)
    }
    t.strictSame([...left].sort(), [...affected].sort(), 'verification names the files that cannot be restored')
  } catch (thrown) {
    t.ok(thrown instanceof ConvoyError, 'nothing can be restored')
  }
  fs.rmSync(to, { recursive: true, force: true })
  t.strictSame(fs.readdirSync(directory), ['source'], 'nothing else is left')
}
