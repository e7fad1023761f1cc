import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import {
  creationToken,
  fitsTags,
  foreignOwner,
  formatVolumeTags,
  parseVolumeTags,
  type VolumeTags,
} from '../../../src/drivers/ebs/volume-tags.js'
import type { Attributes } from '../../../src/model/volume.js'
import { isVolumeName } from '../../../src/model/volume-name.js'
import { named } from '../../conformance/driver-world.js'
import { withTags } from '../../ec2/tag-rules.js'
import { subjectOn, worldOf } from './ebs-subject.js'

const sample: VolumeTags = {
  name: named('db'),
  id: '00000000-0000-4000-8000-000000000001',
  origin: 'created',
  host: 'host-1',
  cluster: 'blue',
  state: 'trashed',
  createdAt: '2026-01-01T00:00:00.000Z',
  retiredAt: '2026-02-01T00:00:00.000Z',
  options: { size: '10G', tags: 'a=b,c=d' },
  onRemove: 'delete',
  sizeBytes: 10 * 1024 ** 3,
}

t.test('what is written is read again, and begins with convoy:', async (t) => {
  const tags = formatVolumeTags(sample)
  t.same(parseVolumeTags(tags), sample)
  t.equal(tags['Name'], 'db')
  t.ok(Object.keys(tags).every((key) => key === 'Name' || key.startsWith('convoy:')))
  t.match(tags, { 'convoy:name': 'db', 'convoy:cluster': 'blue', 'convoy:host': 'host-1', 'convoy:origin': 'created' })
})

const texts = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom('', '=&+%', '%00', '*?', '\u{1F600}'.repeat(40), 'é'.repeat(100), ' ', '\u0000'),
)
const keys = fc.oneof(fc.constantFrom('size', '__proto__', 'constructor', 'tag.ü', 'a=b&c'), texts)

t.test(
  'options of up to 2,000 characters in any script come back as they were, and fit into what EC2 takes',
  async (t) => {
    const property = fc.property(fc.array(fc.tuple(keys, texts), { maxLength: 8 }), (pairs) => {
      const options = Object.fromEntries(pairs)
      if (!fitsTags(options)) return
      const tags = formatVolumeTags({ ...sample, options })
      withTags({}, tags)
      assert.deepEqual(Object.entries(parseVolumeTags(tags)?.options ?? {}).sort(), Object.entries(options).sort())
    })
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1500 }))
  },
)

t.test('the longest options that fit, and one more', async (t) => {
  const options = (length: number) => ({ 'tag.a': 'x'.repeat(length - 'tag.a='.length) })
  t.ok(fitsTags(options(2048)))
  t.notOk(fitsTags(options(2049)))
  const tags = formatVolumeTags({ ...sample, options: options(2048) })
  t.same(parseVolumeTags(tags)?.options, options(2048))
  t.equal(Object.keys(tags).length, 19, 'with the 30 of users it is less than the 50 of EC2')
})

t.test('tags that are not ours, or not all there, are those of no volume', async (t) => {
  const good = formatVolumeTags(sample)
  const wrong: Attributes = {
    'convoy:name': '../etc',
    'convoy:id': 'x; rm -rf',
    'convoy:host': '',
    'convoy:state': 'alive',
    'convoy:origin': 'found',
    'convoy:created': 'yesterday',
  }
  for (const [key, text] of Object.entries(wrong)) {
    t.equal(parseVolumeTags({ ...good, [key]: text }), undefined, key)
    const { [key]: _, ...rest } = good
    t.equal(parseVolumeTags(rest), undefined, `without ${key}`)
  }
  t.equal(parseVolumeTags(Object.create(good) as Attributes), undefined, 'what is inherited is no tag')
})

t.test('of what may be missing, nonsense is missing', async (t) => {
  const { 'convoy:retired': _, ...good } = formatVolumeTags(sample)
  const nonsense = { 'convoy:on-remove': 'burn', 'convoy:size': '-1', 'convoy:retired': `2026-01-01${' '.repeat(100)}` }
  const { onRemove, sizeBytes, retiredAt } = parseVolumeTags({ ...good, ...nonsense }) ?? {}
  t.same({ onRemove, sizeBytes, retiredAt }, { onRemove: undefined, sizeBytes: undefined, retiredAt: undefined })
  for (const size of ['1e400', 'NaN', '1.5', String(2 ** 53)])
    t.equal(parseVolumeTags({ ...good, 'convoy:size': size })?.sizeBytes, undefined, size)
})

t.test('whatever the tags are, they are read as a volume with a name, or as none', async (t) => {
  const ours = Object.keys(formatVolumeTags(sample))
  const key = fc.oneof(fc.constantFrom(...ours), texts)
  const property = fc.property(fc.array(fc.tuple(key, texts), { maxLength: 12 }), fc.boolean(), (pairs, isBased) => {
    const parsed = parseVolumeTags({ ...(isBased ? formatVolumeTags(sample) : {}), ...Object.fromEntries(pairs) })
    if (parsed === undefined) return
    assert.ok(isVolumeName(parsed.name))
    assert.match(parsed.id, /^[0-9a-f-]{8,64}$/)
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 3000 }))
})

t.test('hostile tags do not stop discovery, and yield no other volume', async (t) => {
  const world = worldOf(t)
  const subject = subjectOn(world.addHost('host-1', { cluster: 'blue' }))
  const made = await subject.make('db')
  const { tags } = world.cloud.volume(made.attributes['volume'] ?? '')
  const hostile: Attributes[] = [
    { ...tags, 'convoy:id': 'aaaaaaaa', 'convoy:name': 'both', 'convoy:options': 'size=1G&Size=2G' },
    { ...tags, 'convoy:id': 'bbbbbbbb', 'convoy:name': 'odd', 'convoy:options': '%zz&=&__proto__=x&mountOptions=suid' },
    { ...tags, 'convoy:id': 'cccccccc', 'convoy:name': '../../etc' },
    { ...tags, 'convoy:id': '', 'convoy:name': 'x' },
    { 'convoy:cluster': 'blue' },
  ]
  for (const each of hostile) world.cloud.addVolume({ tags: each })
  t.same(await subject.listed(), ['both live', 'db live', 'odd live'])
  const [odd] = (await subject.discover()).filter(({ handle }) => handle.name === 'odd')
  assert.ok(odd)
  await t.rejects(subject.attach(odd.handle), { code: 'invalid-argument', message: /"suid" is refused/ })
})

t.test('tags of other tools', async (t) => {
  for (const key of ['kubernetes.io/cluster/a', 'kubernetes.io/created-for/pv/name', 'ebs.csi.aws.com/cluster'])
    t.equal(foreignOwner({ Name: 'x', [key]: 'y' }), `${key}=y`)
  for (const key of ['CSIVolumeName', 'KubernetesCluster']) t.equal(foreignOwner({ [key]: 'y' }), `${key}=y`)
  t.equal(foreignOwner({ Name: 'kubernetes.io/cluster/a', team: 'KubernetesCluster', MyCSIVolumeName: '1' }), undefined)
})

t.test('a token is the same everywhere for an owner, a name and a generation, and for nothing else', async (t) => {
  const token = creationToken('blue', named('db'), 1)
  t.equal(token, creationToken('blue', named('db'), 1))
  t.match(token, /^[0-9a-f]{64}$/)
  const others = [
    creationToken('blue', named('db'), 2),
    creationToken('blue', named('db1'), 1),
    creationToken('bluedb', named('db'), 1),
    creationToken('blue', named('db'), 11),
    creationToken('blue","db', named('x'), 1),
  ]
  t.equal(new Set([token, ...others]).size, 6)
})
