import fc from 'fast-check'
import t from 'tap'
import { mergeTags, parseTag, parseTags } from '../../../src/drivers/ebs/user-tags.js'
import { ConvoyError } from '../../../src/errors.js'
import { withTags } from '../../ec2/tag-rules.js'

const refused = { code: 'invalid-argument' }

t.test('pairs, parted by commas', async (t) => {
  t.same(parseTags('team=db, cost-center=7,url=a=b,empty='), { team: 'db', 'cost-center': '7', url: 'a=b', empty: '' })
})

t.test('what is no pair is refused, and how to give a comma is said', async (t) => {
  for (const text of ['', 'a', '=b', 'a=b,', ' =b', 'a=b,c', ','])
    t.throws(() => parseTags(text), refused, JSON.stringify(text))
  t.throws(() => parseTags('a=b,c'), { message: '"c" is not KEY=VALUE', hint: /tag\.KEY/ })
})

t.test('a tag that is given twice is refused by name', async (t) => {
  t.throws(() => parseTags('a=1,a=2'), { ...refused, message: /"a" is given twice/ })
  t.throws(() => mergeTags({ a: '1' }, { a: '1' }), { ...refused, message: /"a" is given twice/, hint: /tag\.KEY/ })
})

t.test('tags that are not for users', async (t) => {
  for (const key of ['Name', 'aws:x', 'AWS:x', 'convoy:name', 'Convoy:id', 'convoy:'])
    t.throws(() => mergeTags({ [key]: '1' }), { ...refused, message: /is not for users/ }, key)
  t.same(mergeTags({ name: '1', 'my-convoy:x': '2' }), { name: '1', 'my-convoy:x': '2' })
})

t.test('keys and values that EC2 or a terminal would not take', async (t) => {
  for (const key of ['', 'x'.repeat(129), 'a\nb', 'a\u001b[2J', '\ud800'])
    t.throws(() => mergeTags({ [key]: '1' }), refused, JSON.stringify(key))
  for (const text of ['x'.repeat(257), 'a\nb', '\u0000', '\udc00x']) t.throws(() => parseTag(text), refused)
  t.equal(parseTag('x'.repeat(256)).length, 256)
  t.equal(parseTag('ü 😀 *?'), 'ü 😀 *?')
})

t.test('at most 30, so that ours have room', async (t) => {
  const tags = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']))
  t.equal(Object.keys(mergeTags(tags(30))).length, 30)
  t.throws(() => mergeTags(tags(31)), { ...refused, message: /31 tags are more than 30/, hint: /50/ })
})

t.test('whatever is taken, EC2 takes', async (t) => {
  const property = fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
    try {
      withTags({}, parseTags(text))
    } catch (thrown) {
      if (!(thrown instanceof ConvoyError)) throw thrown
    }
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }))
})
