import fc from 'fast-check'
import t from 'tap'
import { formatTime } from '../../src/model/old-time.js'

// Whatever the host's own time is.
process.env['TZ'] = 'Pacific/Kiritimati'

t.test('compat: times are written as Convoy 0.5 wrote them', async (t) => {
  t.equal(formatTime(new Date('2026-11-20T07:29:55.999Z')), 'Fri Nov 20 07:29:55 +0000 2026')
  t.equal(formatTime(new Date('2026-01-01T00:00:00Z')), 'Thu Jan 01 00:00:00 +0000 2026')
  t.equal(formatTime(new Date('2024-02-29T23:59:59Z')), 'Thu Feb 29 23:59:59 +0000 2024')
})

t.test('a time that was written can be read again, to the second', async (t) => {
  const dates = fc.date({ min: new Date(0), max: new Date('2099-12-31'), noInvalidDate: true })
  fc.assert(
    fc.property(dates, (date) => {
      const [, month, day, clock, zone, year] = formatTime(date).split(' ')
      return Date.parse(`${month} ${day} ${year} ${clock} ${zone}`) === Math.floor(date.getTime() / 1000) * 1000
    }),
    { numRuns: 1000 },
  )
  t.pass('1,000 dates')
})
