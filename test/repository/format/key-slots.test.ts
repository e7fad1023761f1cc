import fc from 'fast-check'
import t from 'tap'
import {
  encodeKeySlot,
  type KeySlot,
  makeKeySlot,
  openKeySlot,
  parseKeySlot,
  type Unlock,
} from '../../../src/repository/format/key-slots.js'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'

const key = new RepositoryKey(Buffer.alloc(32, 1), '00112233-4455-6677-8899-aabbccddeeff')
const about = { label: 'mine', createdAtMs: 1_700_000_000_000 }
const keyFile = { kind: 'key-file', key: Buffer.alloc(32, 2) } as const satisfies Unlock
const passphrase: Unlock = { kind: 'passphrase', text: 'caf\u00e9' }

const open = (slot: KeySlot, unlock: Unlock, id = key.repositoryIdBytes) => openKeySlot(slot, unlock, id)

for (const unlock of [keyFile, passphrase])
  t.test(`a slot for a ${unlock.kind} opens with that alone, in its repository alone`, async (t) => {
    const slot = parseKeySlot(encodeKeySlot(await makeKeySlot(key, unlock, about)), 'the slot')
    t.match(slot, { ...about, kind: unlock.kind })
    t.strictSame(await open(slot, unlock), key.master)
    t.equal(await open(slot, { kind: 'key-file', key: Buffer.alloc(32, 3) }), undefined)
    t.equal(await open(slot, { kind: 'passphrase', text: 'cafe' }), undefined)
    t.equal(await open(slot, unlock, Buffer.alloc(16)), undefined)
    t.notOk((await makeKeySlot(key, unlock, about)).wrapped.equals(slot.wrapped), 'and never twice in the same way')
  })

t.test('a passphrase may be typed in another form of the same letters, and not be empty', async (t) => {
  const slot = await makeKeySlot(key, passphrase, about)
  t.strictSame(await open(slot, { kind: 'passphrase', text: 'cafe\u0301' }), key.master)
  await t.rejects(makeKeySlot(key, { kind: 'passphrase', text: '' }, about), { code: 'invalid-argument' })
})

t.test('a slot shows neither key nor passphrase', async (t) => {
  for (const unlock of [keyFile, passphrase]) {
    const text = encodeKeySlot(await makeKeySlot(key, unlock, about)).toString()
    for (const secret of [key.master, keyFile.key]) t.notOk(text.includes(secret.toString('base64').slice(0, 40)))
    t.notOk(text.includes('caf'))
  }
})

t.test('a slot may not ask for more than ours do by far', async (t) => {
  const json = JSON.parse(encodeKeySlot(await makeKeySlot(key, passphrase, about)).toString()) as object
  const parse = (change: object) => parseKeySlot(Buffer.from(JSON.stringify({ ...json, ...change })), 'the slot')
  t.ok(parse({ n: 2 ** 18, r: 8, p: 4 }))
  for (const cost of [
    { n: 2 ** 19 },
    { n: 3 },
    { n: 1 },
    { n: 0 },
    { r: 9 },
    { r: 0 },
    { p: 5 },
    { p: 0 },
    { n: '65536' },
  ])
    t.ok(
      isDamage(() => parse(cost)),
      JSON.stringify(cost),
    )
  for (const change of [{ kind: 'magic' }, { salt: 'AAAA' }, { wrapped: '' }, { createdAt: 'yesterday' }, { label: 7 }])
    t.ok(
      isDamage(() => parse(change)),
      JSON.stringify(change),
    )
  t.throws(() => parse({ format: 2 }), { code: 'unsupported' })
})

t.test('whatever a slot is changed to, it gives the master key or nothing', async () => {
  const bytes = encodeKeySlot(await makeKeySlot(key, keyFile, about))
  await fc.assert(
    fc.asyncProperty(mutation, async (mutate) => {
      const slot = refusalOf(() => parseKeySlot(mutate(bytes), 'the slot'))
      if (slot instanceof Error) return true
      const opened = await open(slot, keyFile)
      return opened === undefined || opened.equals(key.master)
    }),
    { numRuns: 1000 },
  )
})
