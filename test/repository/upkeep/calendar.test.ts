import t from 'tap'
import { isConvoyError } from '../../../src/errors.js'
import { openCalendar } from '../../../src/repository/upkeep/calendar.js'

const at = (text: string) => Date.parse(text)

t.test('a moment has the names of its time zone', async (t) => {
  const berlin = openCalendar('Europe/Berlin')
  const moment = at('2025-12-31T23:30:00Z')
  t.equal(berlin.nameOf('hourly', moment), '2026-01-01 00h+01:00')
  t.equal(berlin.nameOf('daily', moment), '2026-01-01')
  t.equal(berlin.nameOf('weekly', moment), '2026-W01')
  t.equal(berlin.nameOf('monthly', moment), '2026-01')
  t.equal(berlin.nameOf('yearly', moment), '2026')
  t.equal(openCalendar('UTC').nameOf('yearly', moment), '2025')
})

t.test('weeks begin on Monday and belong to the year of their Thursday', async (t) => {
  const { nameOf } = openCalendar('UTC')
  for (const [day, week] of [
    ['2021-01-03', '2020-W53'],
    ['2021-01-04', '2021-W01'],
    ['2024-12-29', '2024-W52'],
    ['2024-12-30', '2025-W01'],
    ['2026-11-29', '2026-W48'],
    ['2026-11-30', '2026-W49'],
  ] as const)
    t.equal(nameOf('weekly', at(`${day}T12:00:00Z`)), week, day)
})

t.test('the hour that comes twice when summer ends is two hours', async (t) => {
  const { nameOf } = openCalendar('Europe/Berlin')
  t.equal(nameOf('hourly', at('2026-10-25T00:30:00Z')), '2026-10-25 02h+02:00')
  t.equal(nameOf('hourly', at('2026-10-25T01:30:00Z')), '2026-10-25 02h+01:00')
})

t.test('a time zone that there is not is named', async (t) => {
  t.throws(() => openCalendar('Mars/Base'), { code: 'invalid-argument', message: 'there is no time zone "Mars/Base"' })
  try {
    openCalendar('')
    t.fail('an empty zone is none')
  } catch (thrown) {
    t.ok(isConvoyError(thrown, 'invalid-argument'))
  }
})
