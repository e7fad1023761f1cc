import type { Command } from 'commander'
import { ConvoyError, isConvoyError } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import { optional } from '../model/optional.js'
import { collectValues } from './arguments.js'
import { EventBlocks } from './event-blocks.js'
import type { Session } from './session.js'
import { oneLine, printLine } from './terminal.js'

interface EventFlags {
  readonly since?: string
  readonly type?: readonly string[]
  readonly volume?: string
  readonly follow: boolean
  readonly format: string
}

type ShownEvent = Readonly<Record<string, unknown>>

export function addEventCommands(program: Command, session: Session): void {
  const command = program
    .command('events')
    .description('show what happens to volumes, as it happens')
    .option('--since <WHEN>', 'begin behind the event with this id, at this time, or so long ago: 10m, 2h, 7d')
    .option('--type <TYPE>', 'only these: volume.mount, or volume for all of its kind; repeatable', collectValues)
    .option('--volume <NAME>', 'only what happens to this volume')
    .option('--no-follow', 'show what there is, and end')
    .option('--format <FORMAT>', 'text, or json for one object a line', 'text')
    .action(async (flags: EventFlags) => {
      const format = chooseFormat(flags.format)
      await new EventWatch(session, (event) => printLine(session.terminal, format(event))).run(flags)
    })
  session.addressPeople(command)
}

function chooseFormat(text: string): (event: ShownEvent) => string {
  if (text === 'text') return formatEvent
  if (text === 'json' || /^\{\{\s*json\s+\.\s*\}\}$/.test(text)) return (event) => JSON.stringify(event)
  throw new ConvoyError('invalid-argument', `${JSON.stringify(oneLine(text.slice(0, 60)))} is no format of events`, {
    hint: "use text, json or '{{json .}}'",
  })
}

/** The daemon sends something every 15 s. */
const longestSilenceMs = 60_000
const retryMs = 500

/** Goes on where it was when the daemon restarts. */
class EventWatch {
  readonly #session: Session
  readonly #show: (event: ShownEvent) => void
  #lastId: string | undefined
  #hasBegun = false
  #isAway = false

  constructor(session: Session, show: (event: ShownEvent) => void) {
    this.#session = session
    this.#show = show
  }

  /** Ends with what there is, or never: Ctrl-C ends the process. */
  async run(flags: EventFlags): Promise<void> {
    for (;;) {
      const failure = await this.#stream(eventsPath(flags))
      if (failure !== undefined && (!flags.follow || !this.#hasBegun || !isPassing(failure))) throw failure
      if (!flags.follow) return
      this.#sayAway(failure)
      await this.#session.environment.sleep(retryMs)
    }
  }

  #stream(path: string): Promise<ConvoyError | undefined> {
    const blocks = new EventBlocks()
    const onText = (text: string) => {
      this.#sayBack()
      for (const { id, data } of blocks.take(text)) {
        this.#lastId = id ?? this.#lastId
        if (data !== undefined) this.#show(readEvent(data))
      }
    }
    const call = { path, longestSilenceMs, onText, ...optional('lastId', this.#lastId) }
    return tryToStream(() => this.#session.client.stream(call))
  }

  #sayBack(): void {
    if (this.#isAway) this.#session.terminal.err('convoy: the daemon is back\n')
    this.#isAway = false
    this.#hasBegun = true
  }

  #sayAway(failure: ConvoyError | undefined): void {
    const reason = failure === undefined ? 'the daemon has stopped' : oneLine(failure.message)
    if (!this.#isAway) this.#session.terminal.err(`convoy: ${reason}: waiting for it\n`)
    this.#isAway = true
  }
}

async function tryToStream(stream: () => Promise<void>): Promise<ConvoyError | undefined> {
  try {
    await stream()
    return undefined
  } catch (thrown) {
    if (thrown instanceof ConvoyError) return thrown
    throw thrown
  }
}

const isPassing = (error: ConvoyError) =>
  isConvoyError(error, 'unavailable') || isConvoyError(error, 'deadline-exceeded')

function eventsPath({ since, type = [], volume, follow: isFollowing }: EventFlags): string {
  const query = new URLSearchParams({
    ...optional('since', since),
    ...optional('type', type.length === 0 ? undefined : type.join(',')),
    ...optional('volume', volume),
    ...(isFollowing ? {} : { follow: 'false' }),
  }).toString()
  return query === '' ? '/v1/events' : `/v1/events?${query}`
}

function readEvent(data: string): ShownEvent {
  const event = parseJsonObject(data)
  if (event !== undefined) return event
  throw new ConvoyError('internal', 'the daemon sent an event that makes no sense', {
    hint: 'command and daemon may differ in version: compare "convoy --version" with "convoy info"',
  })
}

/** `TIME TYPE VOLUME (detail=value, …)`, as Docker has it. */
function formatEvent({ id: _id, time, type, volume, ...details }: ShownEvent): string {
  const more = Object.entries(details).map(([name, value]) => `${name}=${shorten(name, plain(value))}`)
  const parts = [plain(time), plain(type), plain(volume), more.length === 0 ? '' : `(${more.join(', ')})`]
  return oneLine(parts.filter((part) => part !== '').join(' '))
}

const plain = (value: unknown) => (typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value))

/** Docker's ids are recognised by their first twelve digits. */
const shorten = (name: string, text: string) =>
  name === 'mountId' && /^[0-9a-f]{64}$/.test(text) ? text.slice(0, 12) : text
