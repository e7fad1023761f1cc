import { type Calendar, type CalendarPeriod, calendarPeriods, openCalendar } from './calendar.js'

/** How many of the newest backups of a volume to keep, of how many hours, days, … the last one, and which besides. Absent or 0: none. */
export interface RetentionPolicy extends Readonly<Partial<Record<CalendarPeriod, number>>> {
  readonly last?: number
  /** Everything made at most so long before the newest backup of its volume. */
  readonly withinMs?: number
  /** Every backup that has one of these tags. */
  readonly tags?: readonly string[]
  /** Of the calendar, as `Europe/Berlin`; by default this machine's. */
  readonly timeZone?: string
}

/** What retention asks of a backup. */
export interface DatedBackup {
  readonly volume: string
  readonly name: string
  /** By the clock of the host that made it. */
  readonly createdAtMs: number
  /** By the store's clock. */
  readonly storedAtMs: number
  readonly tags: readonly string[]
  readonly isComplete: boolean
}

/** Why a backup is kept; one without a reason is to be removed. */
export interface RetentionVerdict<Backup extends DatedBackup = DatedBackup> {
  readonly backup: Backup
  readonly reasons: readonly string[]
}

/**
 * Decides about each backup, newest first, each volume by itself. A policy that says nothing removes nothing; the last complete
 * backup of a volume is kept in any case, and so is what claims to be from the future: some clock was wrong, and it is not known whose.
 */
export function applyRetention<Backup extends DatedBackup>(
  backups: readonly Backup[],
  policy: RetentionPolicy,
  nowMs: number,
): readonly RetentionVerdict<Backup>[] {
  if (isEmptyPolicy(policy)) return backups.map((backup) => ({ backup, reasons: ['there is no policy'] }))
  const calendar = openCalendar(policy.timeZone)
  return groupsOf(backups).flatMap((group) => judge(group, { policy, calendar, nowMs }))
}

function groupsOf<Backup extends DatedBackup>(backups: readonly Backup[]): readonly (readonly Backup[])[] {
  const groups = new Map<string, Backup[]>()
  for (const backup of backups) {
    const group = groups.get(backup.volume)
    if (group === undefined) groups.set(backup.volume, [backup])
    else group.push(backup)
  }
  return [...groups.values()]
}

export function isEmptyPolicy({ timeZone: _, tags = [], ...counts }: RetentionPolicy): boolean {
  return tags.length === 0 && Object.values(counts).every((count) => count <= 0)
}

interface Rules {
  readonly policy: RetentionPolicy
  readonly calendar: Calendar
  readonly nowMs: number
}

function judge<Backup extends DatedBackup>(group: readonly Backup[], rules: Rules): RetentionVerdict<Backup>[] {
  const { policy, nowMs } = rules
  const newestFirst = group.toSorted((a, b) => b.createdAtMs - a.createdAtMs || (a.name < b.name ? -1 : 1))
  const past = newestFirst.filter(({ createdAtMs }) => createdAtMs <= nowMs)
  const counted = [
    countLast(past, policy.last ?? 0),
    ...calendarPeriods.map((period) => countPeriods(past, period, rules)),
    findWithin(past, policy.withinMs ?? 0),
  ]
  const lasts = findLastComplete(newestFirst)
  return newestFirst.map((backup) => ({
    backup,
    reasons: [
      ...(backup.createdAtMs > nowMs ? ['it is dated in the future'] : []),
      ...counted.flatMap((reasons) => reasons.get(backup) ?? []),
      ...backup.tags.filter((tag) => policy.tags?.includes(tag)).map((tag) => `tag ${tag}`),
      ...(lasts.has(backup) ? ['the last complete backup'] : []),
    ],
  }))
}

type Reasons = ReadonlyMap<DatedBackup, string>

function countLast(past: readonly DatedBackup[], most: number): Reasons {
  return new Map(past.slice(0, Math.max(0, most)).map((backup, at) => [backup, `last ${at + 1}`]))
}

/** The newest of each period counts, and the oldest backup of all while the number is not reached: a year is not over at first. */
function countPeriods(past: readonly DatedBackup[], period: CalendarPeriod, { policy, calendar }: Rules): Reasons {
  const most = policy[period] ?? 0
  const reasons = new Map<DatedBackup, string>()
  let latest: string | undefined
  for (const backup of past) {
    if (reasons.size >= most) break
    const name = calendar.nameOf(period, backup.createdAtMs)
    const isNew = name !== latest
    if (isNew) reasons.set(backup, `${period} ${name}`)
    else if (backup === past.at(-1)) reasons.set(backup, `${period}, the oldest`)
    latest = name
  }
  return reasons
}

/** Counted from the newest backup, not from now: a volume that is not backed up any more does not lose its last ones. */
function findWithin(past: readonly DatedBackup[], withinMs: number): Reasons {
  const [newest] = past
  if (newest === undefined || withinMs <= 0) return new Map()
  const recent = past.filter(({ createdAtMs }) => newest.createdAtMs - createdAtMs <= withinMs)
  return new Map(recent.map((backup) => [backup, 'within the time to keep all']))
}

/** By the hosts' clocks and by the store's: they need not agree. */
function findLastComplete(newestFirst: readonly DatedBackup[]): ReadonlySet<DatedBackup> {
  const complete = newestFirst.filter(({ isComplete }) => isComplete)
  const stored = complete.toSorted((a, b) => b.storedAtMs - a.storedAtMs)
  return new Set([...complete.slice(0, 1), ...stored.slice(0, 1)])
}
