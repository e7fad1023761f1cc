import { ConvoyError } from '../errors.js'
import type { ConfiguredOption } from '../model/config-report.js'
import { eventSeverities, parseEventTypes } from '../model/event.js'
import {
  describeDestination,
  type NotifyDestination,
  type NotifyTarget,
  parseTargetName,
  parseWebhookUrl,
} from '../model/notify-target.js'
import { optional } from '../model/optional.js'
import {
  oneOf,
  type Option,
  parseAbsolutePath,
  parseDurationMs,
  parseOption,
  parseOptions,
  wholeNumber,
  withDefault,
} from '../model/options.js'
import type { ConfigFile, FileList } from './config-file.js'
import { locate } from './given-settings.js'

const file = { parse: parseAbsolutePath, placeholder: 'FILE' }

/** Keys of a target of notifications. One that is repeatable may be a list. The documents are made from here, too. */
export const notifyOptions = {
  events: {
    parse: parseEventTypes,
    repeatable: true,
    placeholder: 'TYPE',
    help: 'only these, or classes of them: volume.mount, or volume for all of its kind; without it all',
  },
  severity: withDefault('info', {
    parse: oneOf(...eventSeverities),
    placeholder: eventSeverities.join('|'),
    help: 'the least that matters: info is everything; warning and error are what went wrong',
  }),
  webhook: { parse: parseWebhookUrl, placeholder: 'URL', help: 'each event is posted there as JSON' },
  'webhook-file': { ...file, help: 'a file with the address, where that is a secret' },
  'headers-file': { ...file, help: 'a file with headers for the webhook, a line each: Authorization: Bearer …' },
  'secret-file': { ...file, help: 'a file with the key that signs what is posted, as standardwebhooks.com says' },
  command: {
    parse: String,
    repeatable: true,
    placeholder: 'PATH, ARGUMENT…',
    help: 'run for each event, which it reads as JSON on standard input and in CONVOY_EVENT_…; no shell',
  },
  timeout: withDefault('10s', { parse: parseTimeout, placeholder: 'DURATION', help: 'for one attempt' }),
  retries: withDefault('5', {
    parse: wholeNumber(0, 100),
    placeholder: 'NUMBER',
    help: 'attempts after the first, with growing pauses, before the target is said to fail; it is tried on after that',
  }),
  'give-up-after': withDefault('24h', {
    parse: parseDurationMs,
    placeholder: 'DURATION',
    help: 'events that are older and cannot be told are left out, and the target is told of the gap',
  }),
} satisfies Readonly<Record<string, Option<unknown>>>

type Key = keyof typeof notifyOptions

function parseTimeout(text: string): number {
  const ms = parseDurationMs(text)
  if (ms >= 1000 && ms <= 600_000) return ms
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text)} is not a time from 1s to 10m`)
}

/** The targets of the configuration file; ConvoyError `invalid-argument` says what is wrong with which, and where. */
export function parseNotifyTargets(file: ConfigFile | undefined): readonly NotifyTarget[] {
  return [...(file?.notify ?? [])].map(([name, entries]) => {
    const what = `${entries[0]?.source ?? file?.path ?? ''}: target ${JSON.stringify(name.slice(0, 60))}`
    locate(what, () => parseTargetName(name))
    return new TargetReader(entries).read(name, what)
  })
}

/** What `convoy info --config` shows of the targets. There are no secrets among it. */
export function notifySettings(file: ConfigFile | undefined): readonly ConfiguredOption[] {
  return [...(file?.notify ?? [])].flatMap(([target, entries]) =>
    entries.map(({ name, texts, source }) => {
      const value = name === 'webhook' ? describeDestination({ kind: 'webhook', url: texts.join() }) : texts.join(' ')
      return { name: `notify.${target}.${name}`, value, source, overrides: [] }
    }),
  )
}

class TargetReader {
  readonly #entries: readonly FileList[]

  constructor(entries: readonly FileList[]) {
    this.#entries = entries
    for (const entry of entries) locate(entry.source, () => check(entry))
  }

  read(name: string, what: string): NotifyTarget {
    const least = this.#one('severity') ?? notifyOptions.severity.default
    return {
      name,
      filter: { types: this.#all('events').flatMap(parseEventTypes), ...optional('least', least) },
      destination: locate(what, () => this.#destination()),
      timeoutMs: this.#one('timeout') ?? notifyOptions.timeout.default,
      retries: this.#one('retries') ?? notifyOptions.retries.default,
      giveUpAfterMs: this.#one('give-up-after') ?? notifyOptions['give-up-after'].default,
    }
  }

  #destination(): NotifyDestination {
    const given = this.#entries.filter(({ name }) => /^(?:webhook(?:-file)?|command)$/.test(name))
    if (given.length !== 1) {
      const found = given.length === 0 ? 'says nothing of' : `says ${given.map(({ name }) => name).join(' and ')} for`
      throw new ConvoyError('invalid-argument', `it ${found} where its events go`, {
        hint: 'write one of webhook, webhook-file and command',
      })
    }
    return given[0]?.name === 'command' ? this.#command() : this.#webhook()
  }

  #webhook(): NotifyDestination {
    const file = this.#one('webhook-file')
    return {
      kind: 'webhook',
      url: file === undefined ? (this.#one('webhook') ?? '') : { file },
      ...optional('headersFile', this.#one('headers-file')),
      ...optional('secretFile', this.#one('secret-file')),
    }
  }

  #command(): NotifyDestination {
    const misplaced = this.#entries.find(({ name }) => name === 'headers-file' || name === 'secret-file')
    if (misplaced !== undefined) {
      throw new ConvoyError('invalid-argument', `${misplaced.name} is for a webhook, and this target is a command`)
    }
    const [program = '', ...args] = this.#all('command')
    return { kind: 'command', command: [parseOption(programOption, 'command', program, 'option'), ...args] }
  }

  #all(key: Key): readonly string[] {
    return this.#entries.filter(({ name }) => name === key).flatMap(({ texts }) => texts)
  }

  #one<K extends Key>(key: K): ReturnType<(typeof notifyOptions)[K]['parse']> | undefined {
    const [text] = this.#all(key)
    // The option's own parser makes it.
    return text === undefined
      ? undefined
      : (notifyOptions[key].parse(text) as ReturnType<(typeof notifyOptions)[K]['parse']>)
  }
}

const programOption = { ...file, help: 'the program' }

function check({ name, texts }: FileList): void {
  for (const text of texts) parseOptions(notifyOptions, Object.fromEntries([[name, text]]), 'notify option')
  const option: Option<unknown> | undefined = notifyOptions[name as Key]
  if (texts.length > 1 && option.repeatable !== true) {
    throw new ConvoyError('invalid-argument', `notify option ${name}: a list where one value is expected`)
  }
}
