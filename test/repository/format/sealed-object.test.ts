import fc from 'fast-check'
import t from 'tap'
import { RepositoryKey } from '../../../src/repository/format/repository-key.js'
import { openObject, sealObject } from '../../../src/repository/format/sealed-object.js'
import { sealInto } from '../../../src/repository/format/seal.js'
import { Zstd } from '../../../src/repository/format/zstd.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'

const id = '00112233-4455-6677-8899-aabbccddeeff'
const key = new RepositoryKey(Buffer.alloc(32, 1), id)
const payload = Buffer.from('payload '.repeat(20))

t.test('an object opens below its key and holds what was sealed', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.boolean(), (bytes, isRepeated) => {
      const payload = Buffer.concat(isRepeated ? Array.from({ length: 9 }, () => bytes) : [bytes])
      return openObject(key, 'index/a', sealObject(key, 'index/a', payload)).equals(payload)
    }),
  )
})

t.test('an object that was renamed, or comes from another repository, does not open', async (t) => {
  const sealed = sealObject(key, 'backups/db/a', payload)
  t.ok(isDamage(() => openObject(key, 'backups/db/b', sealed)))
  t.ok(isDamage(() => openObject(new RepositoryKey(Buffer.alloc(32, 2), id), 'backups/db/a', sealed)))
  t.ok(isDamage(() => openObject(new RepositoryKey(key.master, id.replace('0', '1')), 'backups/db/a', sealed)))
})

t.test('no byte of an object can be changed, and none taken from it', async (t) => {
  for (const content of [payload, Buffer.from('short')]) {
    const sealed = sealObject(key, 'leases/a', content)
    for (let at = 0; at < sealed.length; at++) {
      const changed = Buffer.from(sealed)
      changed[at]! ^= 0x10
      const code = at === 4 || at === 5 ? 'unsupported' : 'damaged'
      t.throws(() => openObject(key, 'leases/a', changed), { code }, `byte ${at}`)
      t.ok(
        isDamage(() => openObject(key, 'leases/a', sealed.subarray(0, at))),
        `cut off after ${at}`,
      )
    }
  }
})

t.test('whatever an object is changed to, it is refused', async () => {
  const sealed = sealObject(key, 'leases/a', payload)
  fc.assert(
    fc.property(mutation, (mutate) => {
      const changed = mutate(sealed)
      const result = refusalOf(() => openObject(key, 'leases/a', changed))
      return Buffer.isBuffer(result) ? changed.equals(sealed) : true
    }),
    { numRuns: 1000 },
  )
})

t.test('two objects with the same payload have nothing in common', async (t) => {
  const [one, other] = [sealObject(key, 'index/a', payload), sealObject(key, 'index/a', payload)]
  t.notOk(one.subarray(12, 44).equals(other.subarray(12, 44)))
  t.notOk(one.subarray(44).equals(other.subarray(44)))
})

t.test('an object of a later version is not damaged, and not read either', async (t) => {
  const later = sealObject(key, 'index/a', payload)
  later.writeUInt16LE(2, 4)
  t.throws(() => openObject(key, 'index/a', later), {
    code: 'unsupported',
    message: 'index/a has version 2, which this program does not know',
  })
})

/** An object of somebody who has the key, and means harm. */
function forge(codec: number, rawBytes: number, content: Buffer): Buffer {
  const header = Buffer.alloc(44)
  header.write('CVBO')
  header.writeUInt16LE(1, 4)
  header.writeUInt8(codec, 6)
  header.writeUInt32LE(rawBytes, 8)
  const sealed = Buffer.alloc(content.length + 16)
  const associated = Buffer.concat([header, Buffer.from('index/a')])
  sealInto(sealed, 0, content, { key: key.objectKey(header.subarray(12)), nonce: Buffer.alloc(12), associated })
  return Buffer.concat([header, sealed])
}

t.test('an object holds as many bytes as it says, and is made in a way that exists', async (t) => {
  const frame = Buffer.from(new Zstd().compress(payload))
  t.strictSame(openObject(key, 'index/a', forge(0, payload.length, payload)), payload)
  t.strictSame(openObject(key, 'index/a', forge(1, payload.length, frame)), payload)
  for (const rawBytes of [0, payload.length - 1, payload.length + 1]) {
    t.ok(isDamage(() => openObject(key, 'index/a', forge(0, rawBytes, payload))))
    t.ok(isDamage(() => openObject(key, 'index/a', forge(1, rawBytes, frame))))
  }
  t.ok(isDamage(() => openObject(key, 'index/a', forge(2, payload.length, payload))))
  t.ok(
    isDamage(() => openObject(key, 'index/a', forge(1, payload.length, payload))),
    'no frame',
  )
})

t.test('an object that claims to be huge is refused before there is room for it', async (t) => {
  const huge = sealObject(key, 'index/a', payload)
  huge.writeUInt32LE(0xffff_ffff, 8)
  t.throws(() => openObject(key, 'index/a', huge), { code: 'damaged', message: /4294967295 bytes/ })
  t.throws(() => sealObject(key, 'index/a', Buffer.alloc(64 * 1024 * 1024 + 1)), { code: 'unsupported' })
})
