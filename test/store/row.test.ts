import fc from 'fast-check'
import t from 'tap'
import { RowReader } from '../../src/store/row.js'

const read = (value: unknown) => new RowReader('volumes', { column: value })

t.test('a column of the right type is read as it is', async (t) => {
  t.equal(read('text').text('column'), 'text')
  t.equal(read('').text('column'), '')
  t.equal(read(null).optionalText('column'), undefined)
  t.equal(read(7).integer('column'), 7)
  t.equal(read(null).optionalInteger('column'), undefined)
  t.equal(read(0).optionalInteger('column'), 0)
  t.equal(read('b').word('column', ['a', 'b']), 'b')
  t.equal(read(null).optionalWord('column', ['a', 'b']), undefined)
  t.equal(read('a').optionalWord('column', ['a', 'b']), 'a')
  t.strictSame(read('{"a":"b"}').attributes('column'), { a: 'b' })
  t.strictSame(read('[1]').json('column'), [1])
})

t.test('DB07: a column of another type says which table and column are damaged', async (t) => {
  const damaged = { code: 'unavailable', message: 'the database holds an unreadable volumes row (column column)' }
  for (const value of [null, undefined, 7, Buffer.from('x')]) t.throws(() => read(value).text('column'), damaged)
  for (const value of [null, undefined, '7', 1.5, 2 ** 60, NaN]) t.throws(() => read(value).integer('column'), damaged)
  t.throws(() => read(7).optionalText('column'), damaged)
  t.throws(() => read('7').optionalInteger('column'), damaged)
  t.throws(() => read(undefined).optionalText('column'), damaged)
  t.throws(() => read('c').word('column', ['a', 'b']), damaged)
  t.throws(() => read('c').optionalWord('column', ['a', 'b']), damaged)
  for (const value of ['', '{', 'null', '[]', '["a"]', '"a"', '7', '{"a":1}', '{"a":null}', '{"a":{}}']) {
    t.throws(() => read(value).attributes('column'), damaged, value)
  }
})

t.test('S04: a column that is missing is not found in the prototype of objects', async (t) => {
  const row = new RowReader('volumes', {})
  for (const column of ['constructor', '__proto__', 'toString'])
    t.throws(() => row.text(column), { code: 'unavailable' })
  t.strictSame(Object.keys(read('{"__proto__":"x"}').attributes('column')), ['__proto__'])
})

t.test('whatever a column holds, reading it answers or throws the one error', async (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.anything(), fc.json()), (value) => {
      const reader = read(value)
      for (const act of [
        () => reader.text('column'),
        () => reader.optionalText('column'),
        () => reader.integer('column'),
        () => reader.optionalInteger('column'),
        () => reader.word('column', ['a']),
        () => reader.attributes('column'),
        () => reader.json('column'),
      ]) {
        try {
          act()
        } catch (thrown) {
          if (!(thrown instanceof Error) || thrown.name !== 'ConvoyError') throw thrown
        }
      }
    }),
    { numRuns: 2000 },
  )
  t.pass('2,000 values')
})
