import { join } from 'node:path'
import t from 'tap'
import { DirectoryStore } from '../../../src/object-stores/directory/directory-store.js'
import { formatKeyFile } from '../../../src/repository/format/key-file.js'
import { Repository } from '../../../src/repository/repository.js'
import { MemoryObjectStore, patientCall } from '../../fakes/memory-object-store.js'
import { IndependentReader, readObjects } from './independent-reader.js'
import { deviceBytes, readTree } from '../read-tree.js'
import {
  backUpSample,
  initSample,
  manifestPath,
  type SampleFile,
  sampleFiles,
  sampleKey,
} from '../sample-repository.js'

const call = patientCall()
const keyFile = formatKeyFile(sampleKey.key)
const backup = { volume: 'db', name: 'backup-0123456789abcdef' }
const url = `${backup.volume}/${backup.name}`

/** What was put in, by what the reader calls its paths. */
const expected = new Map(
  sampleFiles.map((file) => [manifestPath(file.path).toString('latin1'), { type: file.type, body: bodyOf(file) }]),
)

function bodyOf({ type, content, target = '' }: SampleFile): Buffer {
  if (type === 'c' || type === 'b') return deviceBytes(5, 2 ** 20)
  return content ?? (type === 'h' ? manifestPath(target) : Buffer.from(target, 'latin1'))
}

for (const source of ['index', 'packs'] as const)
  t.test(
    `a reader written from the page alone finds in a directory what the program stored, by the ${source}`,
    async (t) => {
      const directory = join(t.testdir(), 'backups')
      const store = await DirectoryStore.open(directory, { url: `vfs://${directory}` })
      t.teardown(() => store.close())
      const repository = await initSample(store, call)
      const record = await backUpSample(repository, sampleFiles, call)
      const reader = new IndependentReader(readObjects(directory), { keyFile }, source)
      t.strictSame(reader.listBackups(), [url])
      t.equal(reader.record(url)['tree'], record.tree.toString('hex'))
      const tree = reader.readTree(url)
      const found = new Map([...tree].map(([path, { type, body }]) => [path, { type, body }]))
      t.strictSame([...found.keys()].sort(), [...expected.keys()].sort())
      for (const [path, { type, body }] of expected) {
        t.equal(found.get(path)?.type, type, path)
        t.ok(found.get(path)?.body.equals(body), path)
      }
      t.strictSame(tree, await readTree(repository, backup, call), 'and both readers agree on everything')
    },
  )

t.test(
  'a reader written from the page alone opens a repository with a passphrase, and one without encryption',
  async (t) => {
    for (const secret of [{ passphrase: 'cafe\u0301 12' }, undefined]) {
      const store = new MemoryObjectStore()
      const unlock = secret === undefined ? {} : { unlock: { kind: 'passphrase', text: 'caf\u00e9 12' } as const }
      const encryption = secret === undefined ? 'none' : 'key'
      const repository = await Repository.init(store, { encryption, ...unlock, createdAtMs: 0 }, call)
      await backUpSample(repository, sampleFiles, call)
      const objects = new Map(store.bucket.keys().map((key) => [key, store.bucket.bytes(key)]))
      t.equal(new IndependentReader(objects, secret, 'index').readTree(url).size, sampleFiles.length)
    }
  },
)
