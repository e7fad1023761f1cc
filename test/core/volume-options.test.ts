import t from 'tap'
import { parseVolumeOptions, refuseOtherOptions } from '../../src/core/volume-options.js'
import { named, World } from '../fakes/world.js'

const world = await World.start()
const profiles = new Map([
  ['gold', { driver: 'filesystem', size: '10G', onRemove: 'trash' }],
  ['plain', { size: '1G' }],
])
const parse = (texts: Record<string, string>) => parseVolumeOptions(world.drivers, profiles, texts)

t.test("common options and the driver's own are told apart", async (t) => {
  const parsed = parse({ driver: 'filesystem', onRemove: 'trash', size: '1G' })
  t.equal(parsed.driver.name, 'filesystem')
  t.equal(parsed.onRemove, 'trash')
  t.same(parsed.options, { size: '1G' })
})

t.test('without options the first driver gets none', async (t) => {
  const parsed = parse({})
  t.equal(parsed.driver.name, 'directory')
  t.equal(parsed.onRemove, undefined)
  t.same(parsed.options, {})
})

for (const name of ['__proto__', 'constructor', 'Size', 'size ', '', 's3-endpoint', 'endpoint', 'password'])
  t.test(`an unknown option is refused by name: ${JSON.stringify(name)}`, async (t) => {
    const texts = Object.fromEntries([[name, 'x']])
    t.throws(() => parse(texts), { code: 'invalid-argument', message: `unknown volume option ${JSON.stringify(name)}` })
  })

t.test('a create that asks for what the volume has is the same create', async (t) => {
  const volume = { ...(await world.create('db', 'directory', { size: '1G', onRemove: 'trash' })), name: named('db') }
  for (const texts of [{}, { size: '1G' }, { driver: 'directory' }, { onRemove: 'trash', size: '1G' }])
    t.doesNotThrow(() => refuseOtherOptions(volume, texts))
  for (const texts of [{ size: '2G' }, { id: 'other' }, { onRemove: 'delete' }, { driver: 'filesystem' }])
    t.throws(() => refuseOtherOptions(volume, texts), { code: 'already-exists' })
})

t.test('a profile stands for its options, and what was typed overrides it', async (t) => {
  const gold = parse({ profile: 'gold' })
  t.match(gold, { driver: { name: 'filesystem' }, onRemove: 'trash' })
  t.strictSame(gold.options, { size: '10G', profile: 'gold' })
  const own = parse({ profile: 'gold', size: '1G', onRemove: 'delete', driver: 'directory' })
  t.match(own, { driver: { name: 'directory' }, onRemove: 'delete' })
  t.strictSame(own.options, { size: '1G', profile: 'gold' })
  t.equal(parse({ profile: 'plain' }).driver.name, 'directory')
})

t.test('a profile that there is not is refused with those that there are', async (t) => {
  for (const name of ['silver', '', 'Gold', '__proto__', 'constructor']) {
    const wanted = { code: 'invalid-argument', message: /there is no profile/, hint: 'the profiles are: gold, plain' }
    t.throws(() => parse({ profile: name }), wanted, name)
  }
  const none = () => parseVolumeOptions(world.drivers, new Map(), { profile: 'gold' })
  t.throws(none, { code: 'invalid-argument', hint: /has none/ })
})
