import t from 'tap'
import { BytePace } from '../../src/host/byte-pace.js'

/** A clock that goes on by pauses only, each of which takes a little longer than it should. */
function virtual(lateMs = 0) {
  const clock = { nowMs: 1000 }
  const pause = (ms: number) => {
    clock.nowMs += ms + lateMs
    return Promise.resolve()
  }
  return { clock, deps: { nowMs: () => clock.nowMs, pause } }
}

const signal = new AbortController().signal

t.test('so many bytes go in a second, also when timers are late', async (t) => {
  for (const lateMs of [0, 3]) {
    const { clock, deps } = virtual(lateMs)
    const pace = new BytePace(100_000, deps)
    t.equal(pace.pieceBytes, 5000)
    for (let sent = 0; sent < 500_000; sent += pace.pieceBytes) await pace.take(pace.pieceBytes, signal)
    t.ok(Math.abs(clock.nowMs - 6000) < 110, `${clock.nowMs - 1000} ms`)
  }
})

t.test('rest is not saved up for a burst', async (t) => {
  const { clock, deps } = virtual()
  const pace = new BytePace(100_000, deps)
  await pace.take(5000, signal)
  clock.nowMs += 60_000
  const before = clock.nowMs
  for (let sent = 0; sent < 100_000; sent += 5000) await pace.take(5000, signal)
  t.ok(clock.nowMs - before > 850, `${clock.nowMs - before} ms`)
})

t.test('whoever gives up waits no longer', async (t) => {
  const pace = new BytePace(1)
  await pace.take(1000, signal)
  await pace.take(1000, AbortSignal.abort())
  t.pass('there was no pause')
})
