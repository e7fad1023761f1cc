import t from 'tap'
import { describeTime } from '../../src/cli/relative-time.js'

const now = new Date('2026-11-20T12:00:00Z')
const minute = 60
const hour = 60 * minute
const day = 24 * hour

const cases: readonly (readonly [secondsAgo: number, text: string])[] = [
  [0, 'less than a second ago'],
  [1, '1 second ago'],
  [59, '59 seconds ago'],
  [119, '119 seconds ago'],
  [120, '2 minutes ago'],
  [2 * hour - 1, '119 minutes ago'],
  [2 * hour, '2 hours ago'],
  [47 * hour, '47 hours ago'],
  [48 * hour, '2 days ago'],
  [13 * day, '13 days ago'],
  [14 * day, '2 weeks ago'],
  [59 * day, '8 weeks ago'],
  [60 * day, '2 months ago'],
  [729 * day, '24 months ago'],
  [730 * day, '2 years ago'],
  [-3 * hour, 'in 3 hours'],
]

t.test('a time is told as its distance from now', async (t) => {
  for (const [seconds, text] of cases)
    t.equal(describeTime(new Date(now.getTime() - seconds * 1000).toISOString(), now), text)
})

t.test('what is no time is told as nothing', async (t) => {
  t.equal(describeTime('', now), '')
  t.equal(describeTime('soon', now), '')
})
