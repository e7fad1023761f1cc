import t from 'tap'
import { chooseSeed, PseudoRandom } from '../pseudo-random.js'
import { HostileWorld } from './hostile-world.js'
import { layers } from './mutation-point.js'
import { repositoryUses } from './repository-uses.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const cases = isSoak ? 120_000 : 6 * layers.length
const seed = chooseSeed()
/** Of a run before, to be made again by itself. */
const onlyCase = process.env['CONVOY_CASE']
/** Above what the first cases take. */
const mostGrowthBytes = 300e6
const warmUpCases = 50

t.setTimeout(isSoak ? 0 : 120_000)

t.test('nothing that an honest host stored is refused', async (t) => {
  const world = await HostileWorld.make(t)
  await world.tryAll(undefined, new PseudoRandom('honest'))
  const outcomes = Object.keys(repositoryUses).map((name) => `${name} ${name === 'verify' ? 'healthy' : 'ok'}`)
  t.strictSame([...world.outcomes.keys()], outcomes)
})

t.test(`${cases} repositories made wrong by somebody with the key: no escape, no crash, no growth`, async (t) => {
  t.comment(`CONVOY_SEED=${seed}`)
  const world = await HostileWorld.make(t)
  let warmBytes = Infinity
  const chosen = onlyCase === undefined ? Array.from({ length: cases }, (_, index) => index) : [Number(onlyCase)]
  for (const index of chosen) {
    const random = new PseudoRandom(`${seed} ${index}`)
    const layer = layers[index % layers.length]
    await world.tryAll(layer, random).catch((cause: unknown) => {
      throw new Error(`CONVOY_SEED=${seed} CONVOY_CASE=${index} (${layer})`, { cause })
    })
    const { rss } = process.memoryUsage()
    if (index === warmUpCases) warmBytes = rss
    if (rss > warmBytes + mostGrowthBytes) throw new Error(`CONVOY_SEED=${seed}: ${rss} bytes after case ${index}`)
  }
  for (const [outcome, count] of [...world.outcomes].sort()) t.comment(`${outcome}: ${count}`)
})
