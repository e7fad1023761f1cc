const minute = 60
const hour = 60 * minute
const day = 24 * hour

/** From which age in seconds on which unit is used; the thresholds are Docker's. */
const units = [
  [2 * 365 * day, 365 * day, 'years'],
  [2 * 30 * day, 30 * day, 'months'],
  [14 * day, 7 * day, 'weeks'],
  [2 * day, day, 'days'],
  [2 * hour, hour, 'hours'],
  [2 * minute, minute, 'minutes'],
  [2, 1, 'seconds'],
] as const

/** `"3 days"`, as Docker says it. */
export function describeSeconds(seconds: number): string {
  for (const [from, size, unit] of units) if (seconds >= from) return `${Math.floor(seconds / size)} ${unit}`
  return seconds < 1 ? 'less than a second' : '1 second'
}

/** `"3 days ago"`, `"in 2 hours"`; the empty text for one that is no time. */
export function describeTime(time: string, now: Date): string {
  const seconds = (now.getTime() - new Date(time).getTime()) / 1000
  if (Number.isNaN(seconds)) return ''
  return seconds < 0 ? `in ${describeSeconds(-seconds)}` : `${describeSeconds(seconds)} ago`
}
