import { optional } from '../model/optional.js'
import { parseDurationMs, wholeNumber } from '../model/options.js'
import type { RetentionPolicy } from '../repository/upkeep/retention.js'
import type { PruneFlags } from './backup-upkeep-commands.js'
import { readFlag } from './repository-flags.js'

const count = wholeNumber(1, 1_000_000)

/** What --keep-… say. */
export function readPolicy(flags: PruneFlags): RetentionPolicy {
  return {
    ...optional('last', readFlag('--keep-last', flags.keepLast, count)),
    ...optional('hourly', readFlag('--keep-hourly', flags.keepHourly, count)),
    ...optional('daily', readFlag('--keep-daily', flags.keepDaily, count)),
    ...optional('weekly', readFlag('--keep-weekly', flags.keepWeekly, count)),
    ...optional('monthly', readFlag('--keep-monthly', flags.keepMonthly, count)),
    ...optional('yearly', readFlag('--keep-yearly', flags.keepYearly, count)),
    ...optional('withinMs', readFlag('--keep-within', flags.keepWithin, parseDurationMs)),
    ...optional('tags', flags.keepTag),
    ...optional('timeZone', flags.timeZone),
  }
}
