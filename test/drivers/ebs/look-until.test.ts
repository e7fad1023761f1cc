import t from 'tap'
import { lookUntil } from '../../../src/drivers/ebs/look-until.js'

/** Time that passes when somebody waits. */
function setUp() {
  let nowMs = 0
  const over = new AbortController()
  const deps = { now: () => new Date(nowMs), pause: async (ms: number) => void (nowMs += ms) }
  return { deps, over, signal: over.signal, elapsedMs: () => nowMs }
}

t.test('it is looked once a second, until there is something to see', async (t) => {
  const { deps, signal, elapsedMs } = setUp()
  let looks = 0
  t.equal(await lookUntil(deps, { forMs: 60_000, signal }, async () => (++looks === 4 ? 'seen' : undefined)), 'seen')
  t.strictSame([looks, elapsedMs()], [4, 3000])
})

t.test('what is not seen in time is not waited for any longer', async (t) => {
  const { deps, signal, elapsedMs } = setUp()
  t.equal(await lookUntil<string>(deps, { forMs: 5000, signal }, async () => undefined), undefined)
  t.equal(elapsedMs(), 6000)
})

t.test('neither is it by a caller who has gone, who still gets what is there', async (t) => {
  const { deps, over, signal, elapsedMs } = setUp()
  over.abort()
  t.equal(await lookUntil<string>(deps, { forMs: 5000, signal }, async () => undefined), undefined)
  t.equal(await lookUntil(deps, { forMs: 5000, signal }, async () => 'seen'), 'seen')
  t.equal(elapsedMs(), 0)
})
