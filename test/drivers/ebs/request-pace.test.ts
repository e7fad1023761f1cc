import t from 'tap'
import { RequestPace } from '../../../src/drivers/ebs/request-pace.js'
import { never, turns, VirtualTime } from './virtual-time.js'

const limits = { burst: 3, most: 4, least: 0.5 }

function setUp() {
  const time = new VirtualTime()
  return { time, pace: new RequestPace('AttachVolume', limits, time) }
}

t.test('EB09 after a rest some requests go at once, the others at the rate', async (t) => {
  const { time, pace } = setUp()
  const went: number[] = []
  const all = [0, 1, 2, 3, 4].map((place) => pace.turn(place, never).then(() => went.push(time.nowMs())))
  await time.until(Promise.all(all))
  t.same(went, [0, 0, 0, 250, 500])
})

t.test('EB09 a throttle halves the rate, once for those under way together, and not below the floor', async (t) => {
  const { time, pace } = setUp()
  for (let request = 0; request < 20; request++) pace.throttled()
  t.equal(pace.rate, 2)
  for (const rate of [1, 0.5, 0.5]) {
    await time.until(time.pause(1000))
    pace.throttled()
    t.equal(pace.rate, rate)
  }
  const went = time.nowMs()
  await time.until(pace.turn(0, never))
  t.equal(time.nowMs() - went, 2000, 'what was left of the burst is void')
})

t.test('EB09 with success the rate comes back slowly, and not above the usual', (t) => {
  const { pace } = setUp()
  pace.throttled()
  pace.succeeded()
  t.ok(pace.rate > 2 && pace.rate < 2.5)
  for (let request = 0; request < 1000; request++) pace.succeeded()
  t.equal(pace.rate, 4)
  t.end()
})

t.test('EB09 one that waits leaves when its signal aborts, and takes nobody else’s turn', async (t) => {
  const { time, pace } = setUp()
  await time.until(Promise.all([0, 1, 2].map((place) => pace.turn(place, never))))
  const end = new AbortController()
  const leaving = pace.turn(3, end.signal)
  const staying = pace.turn(4, never)
  end.abort()
  await t.rejects(leaving, { code: 'deadline-exceeded', message: /AttachVolume/ })
  await time.until(staying)
  t.equal(time.nowMs(), 250)
  await t.rejects(pace.turn(5, end.signal), { code: 'deadline-exceeded' })
})

t.test('EB09 a request that comes again goes before those that came after it', async (t) => {
  const { time, pace } = setUp()
  await time.until(Promise.all([0, 1, 2].map((place) => pace.turn(place, never))))
  const went: number[] = []
  const all = [5, 6, 1].map((place) => pace.turn(place, never).then(() => went.push(place)))
  await turns()
  await time.until(Promise.all(all))
  t.same(went, [1, 5, 6])
})
