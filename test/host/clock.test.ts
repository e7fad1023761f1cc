import { getEventListeners } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { pause } from '../../src/host/clock.js'

setFlagsFromString('--expose-gc')
// What V8 has in every context once it is told to.
const collectGarbage = runInNewContext('gc') as () => void

t.test('a pause ends after its time, also when garbage is collected meanwhile', async (t) => {
  const unaborted = new AbortController()
  const paused = pause(50, unaborted.signal, undefined)
  const collecting = setInterval(collectGarbage, 5)
  await paused
  clearInterval(collecting)
  t.strictSame(getEventListeners(unaborted.signal, 'abort'), [], 'nothing is left at the signal')
})

for (const which of [0, 1]) {
  t.test(`it ends when signal ${which} aborts, and at once when that has happened`, async (t) => {
    const controllers = [new AbortController(), new AbortController()]
    const signals = controllers.map(({ signal }) => signal)
    const paused = pause(1_000_000, ...signals)
    controllers[which]!.abort()
    await paused
    await pause(1_000_000, ...signals)
    t.strictSame(
      signals.flatMap((signal) => getEventListeners(signal, 'abort')),
      [],
    )
  })
}
