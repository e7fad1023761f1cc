import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Chunker, gearTableOf } from '../../../src/repository/format/chunker.js'
import { parseKeyFile } from '../../../src/repository/format/key-file.js'
import type { Unlock } from '../../../src/repository/format/key-slots.js'
import { parseRecoveryPhrase } from '../../../src/repository/format/recovery-phrase.js'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { Repository } from '../../../src/repository/repository.js'
import { MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { IndependentReader, type ReadEntry } from './independent-reader.js'
import { readTree } from '../read-tree.js'
import { sampleBytes } from '../sample-repository.js'

interface Vectors {
  readonly keys: Readonly<Record<VectorKey, string>> & { readonly gear: readonly number[] }
  readonly cuts: { readonly 14: readonly number[]; readonly 17: readonly number[]; readonly streamSha256: string }
  readonly keyFile: string
  readonly passphrase: string
  readonly recoveryPhrase: string
  readonly backup: { readonly volume: string; readonly name: string }
  readonly record: Readonly<Record<string, unknown>>
  readonly entries: readonly Readonly<Record<'path' | 'type' | 'stat' | 'bodySha256', string>>[]
  readonly objects: Readonly<Record<string, string>>
}

type VectorKey = 'master' | 'repositoryId' | 'salt' | 'dataPackKey' | 'metaPackKey' | 'objectKey' | 'gearSha256'

// Tests run from build/test.
const path = new URL('../../../../test/repository/format/vectors/version-1.json', import.meta.url)
const vectors = JSON.parse(readFileSync(path, 'utf8')) as Vectors
const call = patientCall()
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const hex = (text: string) => Buffer.from(text, 'hex')

function frozenStore(): MemoryObjectStore {
  const store = new MemoryObjectStore()
  for (const [key, text] of Object.entries(vectors.objects))
    store.bucket.objects.set(key, { bytes: Buffer.from(text, 'base64'), storedAtMs: 0 })
  return store
}

const summary = (tree: ReadonlyMap<string, ReadEntry>) =>
  [...tree].map(([path, { type, stat, body, xattrs }]) => ({
    path: Buffer.from(path, 'latin1').toString('base64'),
    type,
    stat: stat.toString('hex'),
    bodyBytes: body.length,
    bodySha256: sha256(body),
    xattrs: xattrs.map(([name, value]) => [name.toString(), value.toString('base64')]),
  }))

t.test('keys are derived as they always were', async (t) => {
  const { keys } = vectors
  const key = new RepositoryKey(hex(keys.master), keys.repositoryId)
  const salt = hex(keys.salt)
  t.equal(key.packKey('data', salt).toString('hex'), keys.dataPackKey)
  t.equal(key.packKey('meta', salt).toString('hex'), keys.metaPackKey)
  t.equal(key.objectKey(salt).toString('hex'), keys.objectKey)
  t.equal(sha256(key.gearSeed), keys.gearSha256)
  t.strictSame([...gearTableOf(key.gearSeed).slice(0, 8)], keys.gear)
})

t.test('files are cut where they always were', async (t) => {
  const stream = sampleBytes(2 ** 20, 1)
  t.equal(sha256(stream), vectors.cuts.streamSha256)
  const key = new RepositoryKey(hex(vectors.keys.master), vectors.keys.repositoryId)
  for (const averageLog2 of [14, 17] as const) {
    const chunker = new Chunker(key.gearSeed, averageLog2)
    const lengths: number[] = []
    for (let at = 0; at < stream.length; at += lengths.at(-1) ?? 0)
      lengths.push(chunker.cut(stream, at, stream.length) - at)
    t.strictSame(lengths, vectors.cuts[averageLog2])
  }
})

const unlocks: readonly Unlock[] = [
  { kind: 'key-file', key: parseKeyFile(vectors.keyFile, 'the vector') },
  { kind: 'passphrase', text: vectors.passphrase },
  { kind: 'key-file', key: parseRecoveryPhrase(vectors.recoveryPhrase) },
]

for (const [index, unlock] of unlocks.entries())
  t.test(`the first repository that ever was opens with its ${unlock.kind} and can be read (${index})`, async (t) => {
    const repository = await Repository.open(frozenStore(), { unlock }, call)
    const { volume, name } = vectors.backup
    const record = await repository.readRecord(volume, name, call)
    t.strictSame({ ...record, tree: record.tree.toString('hex') }, vectors.record)
    t.strictSame(summary(await readTree(repository, vectors.backup, call)), vectors.entries)
  })

t.test('the independent reader can read it as well, with and without its index', async (t) => {
  const { bucket } = frozenStore()
  const objects = new Map(bucket.keys().map((key) => [key, bucket.bytes(key)]))
  const { volume, name } = vectors.backup
  for (const source of ['index', 'packs'] as const) {
    const reader = new IndependentReader(objects, { keyFile: vectors.keyFile }, source)
    t.strictSame(summary(reader.readTree(`${volume}/${name}`)), vectors.entries)
  }
})
