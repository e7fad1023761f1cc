import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { memoryDirectory } from '../host/memory-directory.js'
import { chooseSeed, PseudoRandom } from './pseudo-random.js'
import { StoryWorld } from './story-world.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const stories = isSoak ? 300 : 5
/** Of a run before. */
const onlyStory = process.env['CONVOY_CASE']
/** The order of what threads do is not told by it: the same seed may take another course. */
const seed = chooseSeed()

t.setTimeout(isSoak ? 0 : 120_000)

t.test(
  `BK02 in ${stories} stories of hosts that do everything at once, die, sleep and find damage, every backup that is listed is restored as it was, and nothing else is kept`,
  async (t) => {
    t.comment(`CONVOY_SEED=${seed}`)
    const numbers =
      onlyStory === undefined ? Array.from({ length: stories }, (_, number) => number) : [Number(onlyStory)]
    for (const number of numbers) {
      const directory = join(memoryDirectory(t), 'story')
      mkdirSync(directory)
      const random = new PseudoRandom(`${seed} ${number}`)
      const world = new StoryWorld(directory, random, { isHarmed: number % 3 === 2 })
      await world.run().catch((cause: unknown) => {
        for (const line of world.hosts.log) t.comment(line)
        throw new Error(`CONVOY_SEED=${seed} CONVOY_CASE=${number}`, { cause })
      })
    }
  },
)
