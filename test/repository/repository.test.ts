import t from 'tap'
import { recordKey } from '../../src/repository/format/backup-record.js'
import type { Unlock } from '../../src/repository/format/key-slots.js'
import { putKeySlot, readKeySlots, removeKeySlot } from '../../src/repository/key-ring.js'
import { Repository } from '../../src/repository/repository.js'
import { MemoryObjectStore, patientCall } from '../fakes/memory-object-store.js'
import { backUpSample, initSample, sampleFiles, sampleKey, sampleRecord } from './sample-repository.js'

const call = patientCall()
const createdAtMs = 1_700_000_000_000
const otherKey = { kind: 'key-file', key: Buffer.alloc(32, 8) } as const satisfies Unlock
const { volume, name } = sampleRecord

/** A repository with a backup, and its store. */
async function sample() {
  const store = new MemoryObjectStore()
  const repository = await initSample(store, call)
  const record = await backUpSample(repository, sampleFiles, call)
  return { store, repository, record }
}

t.test('a repository opens with its key, and shows its backups', async (t) => {
  const { store, record } = await sample()
  const repository = await Repository.open(store, { unlock: sampleKey }, call)
  t.match(repository.config, { createdAtMs, encryption: 'key', openKey: undefined })
  t.strictSame(await repository.readRecord(volume, name, call), record)
  const listed = []
  for await (const backup of repository.listBackups(call)) listed.push(backup)
  t.match(listed, [{ volume, name, storedAtMs: Number }])
})

t.test('what else lies below backups/ is no backup', async (t) => {
  const { store, repository } = await sample()
  const put = (key: string, text: string) => store.put(key, Buffer.from(text), {}, call)
  await put('backups/db/README', 'a text')
  await put('backups/db/deeper/x', 'a text')
  await put('backups/db2/backup-1', '')
  const names = async (only?: typeof volume) => {
    const names: string[] = []
    for await (const backup of repository.listBackups(call, only)) names.push(`${backup.volume}/${backup.name}`)
    return names
  }
  t.strictSame(await names(), ['db/README', `db/${name}`])
  t.strictSame(await names(volume), ['db/README', `db/${name}`])
  await t.rejects(repository.readRecord('db', 'README', call), { code: 'damaged' })
  const absent = { code: 'not-found', message: `there is no backup backup-1 of volume db2 at memory:` }
  await t.rejects(repository.readRecord('db2', 'backup-1', call), absent, 'an empty object keeps a place')
  await t.rejects(repository.readRecord('db3', 'backup-1', call), { code: 'not-found' })
})

t.test('a record that lies in the place of another is not read as that', async (t) => {
  const { store, repository } = await sample()
  await store.put(recordKey('db', 'backup-2'), store.bucket.bytes(recordKey('db', name)), {}, call)
  await t.rejects(repository.readRecord('db', 'backup-2', call), { code: 'damaged' })
})

t.test('a backup is made once', async (t) => {
  const { repository, record } = await sample()
  await t.rejects(repository.putRecord(record, call), { code: 'already-exists' })
})

t.test('without the key nothing opens, and it is said why', async (t) => {
  const { store } = await sample()
  await t.rejects(Repository.open(store, {}, call), {
    code: 'invalid-argument',
    message: 'the repository at memory: is encrypted',
  })
  const message = 'no key slot of memory: opens with this key file'
  await t.rejects(Repository.open(store, { unlock: otherKey }, call), { code: 'invalid-argument', message })
  await t.rejects(Repository.open(store, { unlock: { kind: 'passphrase', text: 'guess' } }, call), {
    code: 'invalid-argument',
    message: 'no key slot of memory: opens with this passphrase',
  })
})

t.test('where there is no repository, the way to one is shown', async (t) => {
  await t.rejects(Repository.open(new MemoryObjectStore(), { unlock: sampleKey }, call), {
    code: 'not-found',
    message: 'there is no repository at memory:',
    hint: 'make one: convoy repository init memory:',
  })
})

t.test('a repository without encryption opens without a key, and says so', async (t) => {
  const store = new MemoryObjectStore()
  const made = await Repository.init(store, { encryption: 'none', createdAtMs }, call)
  t.strictSame(store.bucket.keys(), ['config.json'])
  const opened = await Repository.open(store, {}, call)
  t.equal(opened.config.encryption, 'none')
  t.strictSame(opened.key.master, made.key.master)
})

t.test('a repository is not made in the place of another, or of what is left of one', async (t) => {
  const { store } = await sample()
  const before = store.bucket.keys()
  const options = { encryption: 'key', unlock: otherKey, createdAtMs } as const
  await t.rejects(Repository.init(store, options, call), {
    code: 'already-exists',
    message: 'there is a repository at memory: already',
  })
  await store.remove(['config.json'], call)
  await t.rejects(Repository.init(store, options, call), { code: 'already-exists', message: /lost its config\.json/ })
  t.strictSame(
    store.bucket.keys(),
    before.filter((key) => key !== 'config.json'),
  )
  const empty = new MemoryObjectStore()
  await t.rejects(Repository.init(empty, { encryption: 'key', createdAtMs }, call), { code: 'invalid-argument' })
  t.strictSame(empty.bucket.keys(), [])
})

t.test('of two that make a repository at once one wins, and the other leaves nothing', async (t) => {
  const store = new MemoryObjectStore()
  const attempts = await Promise.allSettled([
    Repository.init(store, { encryption: 'key', unlock: sampleKey, createdAtMs }, call),
    Repository.init(store, { encryption: 'key', unlock: otherKey, createdAtMs }, call),
  ])
  t.strictSame(attempts.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
  t.equal(store.bucket.keys('keys/').length, 1)
  const unlock = attempts[0].status === 'fulfilled' ? sampleKey : otherKey
  t.ok(await Repository.open(store, { unlock }, call))
})

t.test('a crash while a repository is made leaves one that opens, or none', async (t) => {
  for (const when of ['before', 'after'] as const)
    for (const step of ['put keys/', 'put config.json']) {
      const store = new MemoryObjectStore()
      store.injector.arm({ step, when, how: 'fail' })
      const options = { encryption: 'key', unlock: sampleKey, createdAtMs } as const
      await t.rejects(Repository.init(store, options, call), { code: 'unavailable' })
      const isMade = store.bucket.keys().includes('config.json')
      const again = isMade ? Repository.open(store, { unlock: sampleKey }, call) : Repository.init(store, options, call)
      t.ok(await again, `${when} ${step}`)
    }
})

t.test('a repository of a later version is told from one that is damaged', async (t) => {
  const change = async (text: (config: string) => string) => {
    const { store } = await sample()
    store.bucket.damage('config.json', (bytes) => Buffer.from(text(bytes.toString())))
    return Repository.open(store, { unlock: sampleKey }, call)
  }
  await t.rejects(
    change((config) => config.replace('"format": 1', '"format": 2')),
    { code: 'unsupported', message: /has format 2/ },
  )
  const requires = change((config) => config.replace('"requires": []', '"requires": ["x"]'))
  await t.rejects(requires, { code: 'unsupported', hint: 'use a newer version of Convoy' })
  await t.rejects(
    change(() => 'no JSON'),
    { code: 'damaged' },
  )
  await t.rejects(
    change((config) => config.replace('"key"', '"rot13"')),
    { code: 'damaged' },
  )
  await t.rejects(
    change((config) => config.replace('"key"', '"none"')),
    { code: 'damaged' },
    'and no open key',
  )
})

t.test('what is in the place of a repository that is known is not opened', async (t) => {
  const { store, repository } = await sample()
  const open = (repositoryId: string, encryption: 'key' | 'none') =>
    Repository.open(store, { unlock: sampleKey, expected: { repositoryId, encryption } }, call)
  const { repositoryId } = repository.config
  t.ok(await open(repositoryId, 'key'))
  t.ok(await open(repositoryId, 'none'), 'one that is encrypted now is no worse')
  await t.rejects(open('00112233-4455-6677-8899-aabbccddeeff', 'key'), {
    code: 'invalid-argument',
    message: /another repository/,
  })
  const openKey = Buffer.alloc(32).toString('base64')
  store.bucket.damage('config.json', (bytes) =>
    Buffer.from(JSON.stringify({ ...(JSON.parse(bytes.toString()) as object), encryption: 'none', openKey })),
  )
  await t.rejects(open(repositoryId, 'key'), { code: 'invalid-argument', message: /without encryption/ })
})

t.test('slots are added and removed, each opens by itself, and the last remains', async (t) => {
  const { store, repository } = await sample()
  await putKeySlot(repository, otherKey, { label: 'spare', createdAtMs }, call)
  const { slots } = await readKeySlots(store, call)
  t.strictSame(slots.map(({ label }) => label).sort(), ['first', 'spare'])
  for (const unlock of [sampleKey, otherKey]) t.ok(await Repository.open(store, { unlock }, call))
  const idOf = (wanted: string) => slots.find(({ label }) => label === wanted)?.id ?? ''
  await removeKeySlot(store, idOf('first'), call)
  await t.rejects(Repository.open(store, { unlock: sampleKey }, call), { code: 'invalid-argument' })
  await t.rejects(removeKeySlot(store, idOf('spare'), call), { code: 'invalid-argument', message: /is the last/ })
  await t.rejects(removeKeySlot(store, idOf('first'), call), { code: 'not-found' })
  t.ok(await Repository.open(store, { unlock: otherKey }, call))
})

t.test('a slot that is damaged keeps the others from nothing, and is named', async (t) => {
  const { store, repository } = await sample()
  const damagedKey = 'keys/0000000000000000.json'
  await store.put(damagedKey, Buffer.from('{}'), {}, call)
  await store.put('keys/README', Buffer.from('a text'), {}, call)
  t.ok(await Repository.open(store, { unlock: sampleKey }, call))
  const hint = `${damagedKey} cannot be read`
  await t.rejects(Repository.open(store, { unlock: otherKey }, call), { code: 'invalid-argument', hint })
  t.strictSame((await readKeySlots(repository.store, call)).unreadable, [damagedKey])
})
