import { ConvoyError } from '../../errors.js'

export const calendarPeriods = ['hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const
export type CalendarPeriod = (typeof calendarPeriods)[number]

/** Tells which hour, day, … of a time zone's calendar a moment belongs to. */
export interface Calendar {
  /** Two moments of the same period have the same name: `2026-11-29 14h+01:00`, `2026-11-29`, `2026-W48`, `2026-11`, `2026`. */
  readonly nameOf: (period: CalendarPeriod, ms: number) => string
}

/** This machine's calendar without a time zone. ConvoyError `invalid-argument` for one that there is not. */
export function openCalendar(timeZone: string | undefined): Calendar {
  const format = openFormat(timeZone)
  return {
    nameOf: (period, ms) => {
      const parts = new Map(format.formatToParts(ms).map(({ type, value }) => [type, value]))
      const [year = '', month = '', day = ''] = (['year', 'month', 'day'] as const).map((type) => parts.get(type))
      switch (period) {
        case 'hourly':
          // An hour that comes twice when summer ends is two hours.
          return `${year}-${month}-${day} ${parts.get('hour') ?? ''}h${parts.get('timeZoneName')?.slice(3) ?? ''}`
        case 'daily':
          return `${year}-${month}-${day}`
        case 'weekly':
          return weekOf(Date.UTC(Number(year), Number(month) - 1, Number(day)))
        case 'monthly':
          return `${year}-${month}`
        case 'yearly':
          return year
      }
    },
  }
}

function openFormat(timeZone: string | undefined): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-u-ca-iso8601', {
      ...(timeZone === undefined ? {} : { timeZone }),
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      timeZoneName: 'longOffset',
    })
  } catch (cause) {
    throw new ConvoyError('invalid-argument', `there is no time zone ${JSON.stringify(timeZone)}`, {
      hint: 'use a name such as UTC or Europe/Berlin',
      cause,
    })
  }
}

const dayMs = 24 * 60 * 60_000

/** Weeks of ISO 8601: they begin on Monday and belong to the year of their Thursday. */
function weekOf(midnightMs: number): string {
  const daysAfterMonday = (new Date(midnightMs).getUTCDay() + 6) % 7
  const thursdayMs = midnightMs + (3 - daysAfterMonday) * dayMs
  const year = new Date(thursdayMs).getUTCFullYear()
  const week = 1 + Math.floor((thursdayMs - Date.UTC(year, 0, 1)) / (7 * dayMs))
  return `${year}-W${String(week).padStart(2, '0')}`
}
