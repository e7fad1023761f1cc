import fc from 'fast-check'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import {
  chosenTypes,
  eventAt,
  eventTypes,
  matchesFilter,
  parseEventsSince,
  parseEventTypes,
  severityOf,
} from '../../src/model/event.js'

const now = new Date('2026-11-20T12:00:00.000Z')

t.test('a beginning is an id, a time, or how long ago', async (t) => {
  t.strictSame(parseEventsSince('17', now), { id: 17 })
  t.strictSame(parseEventsSince('0', now), { id: 0 })
  t.strictSame(parseEventsSince('2026-11-20T07:00:00+01:00', now), { time: '2026-11-20T06:00:00.000Z' })
  t.strictSame(parseEventsSince('2026-11-20', now), { time: '2026-11-20T00:00:00.000Z' })
  t.strictSame(parseEventsSince('90m', now), { time: '2026-11-20T10:30:00.000Z' })
})

t.test('what is neither is refused, and never breaks anything', async (t) => {
  for (const text of ['', '-1', '1.5', 'yesterday', '2026-13-45', '1e9', '9'.repeat(16), '1w', ' 1', '0x10', '12:00']) {
    t.throws(() => parseEventsSince(text, now), { code: 'invalid-argument' }, text)
  }
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      try {
        parseEventsSince(text, now)
        parseEventTypes(text)
      } catch (thrown) {
        if (!(thrown instanceof ConvoyError)) throw thrown
      }
    }),
  )
})

t.test('a type stands for itself and what is below it, whole words only', async (t) => {
  const of = (text: string) => chosenTypes({ types: parseEventTypes(text) })
  t.strictSame(of('volume.mount'), ['volume.mount', 'volume.mount.drop'])
  t.strictSame(of('job,daemon.start'), ['job.finish', 'job.fail', 'job.cancel', 'daemon.start'])
  t.strictSame(chosenTypes({ types: [] }), eventTypes)
  for (const text of ['', 'vol', 'volume.', 'volume.creat', 'volume,', '*', 'constructor', 'volume.create ']) {
    t.throws(() => parseEventTypes(text), { code: 'invalid-argument', hint: /volume\.create/ }, text)
  }
  t.throws(() => parseEventTypes('job.failed'), { code: 'invalid-argument', hint: /^did you mean job\.fail\? / })
})

t.test('what matters less than what is asked for is left out', async (t) => {
  const errors = ['volume.lost', 'job.fail', 'driver.unavailable', 'container.revive.fail', 'daemon.degraded']
  t.strictSame(chosenTypes({ types: [], least: 'error' }), errors)
  t.strictSame(chosenTypes({ types: [], least: 'warning' }), [
    ...['volume.take-over', 'volume.over-limit', 'volume.lost', 'job.fail', 'driver.unavailable', 'driver.nearly-full'],
    ...['container.revive.fail', 'daemon.degraded', 'notify.fail', 'gap'],
  ])
  t.strictSame(chosenTypes({ types: ['job'], least: 'warning' }), ['job.fail'])
  t.strictSame(chosenTypes({ types: [], least: 'info' }), eventTypes)
  t.equal(severityOf({ type: 'gap' }), 'warning')
})

t.test('an event matches by type and by the exact name of its volume', async (t) => {
  const event = eventAt(now, 'volume.mount', { volume: 'db' })
  const matches = (types: readonly string[], volume?: string) =>
    matchesFilter(event, { types, ...(volume === undefined ? {} : { volume }) })
  t.ok(matches([]))
  t.ok(matches(['job', 'volume'], 'db'))
  t.notOk(matches(['job']))
  t.notOk(matches([], 'd'))
  t.notOk(matchesFilter(eventAt(now, 'daemon.start', {}), { types: [], volume: 'db' }))
})
