import type { Command } from 'commander'
import { readItems, readList, readNumber, readText } from './answer.js'
import { findField } from './control-client.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import { describeTime } from './relative-time.js'
import type { Session } from './session.js'
import type { Row } from './template.js'

const targets: Listing = {
  columns: [
    { heading: 'NAME', field: 'Name', least: 8 },
    { heading: 'DESTINATION', field: 'Destination', least: 10, importance: 3 },
    { heading: 'EVENTS', field: 'Events', least: 6, importance: 1 },
    { heading: 'STATE', field: 'State', importance: 5 },
    { heading: 'LAST', field: 'LastID', importance: 2 },
    { heading: 'PENDING', field: 'Pending', importance: 4 },
    { heading: 'LAST ERROR', field: 'LastErrorText', least: 12, importance: 3 },
  ],
  fields: [
    ...['Name', 'Kind', 'Destination', 'Events', 'Types', 'Severity', 'State', 'LastID', 'Pending'],
    ...['FailingSince', 'LastError', 'LastErrorAt', 'LastErrorText'],
  ],
  key: 'Name',
}

const tests: Listing = {
  columns: [
    { heading: 'TARGET', field: 'Target' },
    { heading: 'RESULT', field: 'Result' },
    { heading: 'ERROR', field: 'Error', least: 12 },
  ],
  fields: ['Target', 'Result', 'IsDelivered', 'Error'],
  key: 'Target',
}

export function addNotifyCommands(program: Command, session: Session): void {
  const notify = program.command('notify').description('who is told of events, and whether that works')
  session.addressPeople(notify)
  const ls = notify
    .command('ls', { isDefault: true })
    .description('show the targets of notifications, the default')
    .option(...quietFlag)
    .action(async (flags: ListingFlags) => {
      const print = choosePrinter(targets, flags, session.terminal)
      const now = session.environment.now()
      await print(readList(await session.client.get('/v1/notify')).map((target) => rowOf(target, now)))
    })
  addListingFlags(ls)
  const test = notify
    .command('test [target...]')
    .description('send a test to these targets, or to all, and say what became of it')
    .action((names: readonly string[], flags: ListingFlags) => runTest(names, flags, session))
  addListingFlags(test)
}

async function runTest(names: readonly string[], flags: ListingFlags, session: Session): Promise<void> {
  const print = choosePrinter(tests, flags, session.terminal)
  const results = readList(await session.client.post('/v1/notify/test', { targets: names })).map((result) => {
    const isDelivered = findField(result, 'isDelivered') === true
    return {
      Target: readText(result, 'target'),
      Result: isDelivered ? 'delivered' : 'failed',
      IsDelivered: isDelivered,
      Error: readText(result, 'error'),
    }
  })
  await print(results)
  if (results.some(({ IsDelivered }) => !IsDelivered)) session.finish(1)
}

function rowOf(target: unknown, now: Date): Row {
  const types = readItems(target, 'types').map(String)
  const severity = readText(target, 'severity')
  const pending = `${readNumber(target, 'pending') ?? 0}${findField(target, 'hasMorePending') === true ? '+' : ''}`
  const [error, errorAt] = [readText(target, 'lastError'), readText(target, 'lastErrorAt')]
  return {
    Name: readText(target, 'name'),
    Kind: readText(target, 'kind'),
    Destination: readText(target, 'destination'),
    Events: `${types.length === 0 ? 'all' : types.join(' ')}${severity === 'info' ? '' : ` (${severity})`}`,
    Types: types,
    Severity: severity,
    State: readText(target, 'state'),
    LastID: readNumber(target, 'lastId') ?? 0,
    Pending: pending,
    FailingSince: readText(target, 'failingSince'),
    LastError: error,
    LastErrorAt: errorAt,
    LastErrorText: error === '' ? '' : `${describeTime(errorAt, now)}: ${error}`,
  }
}
