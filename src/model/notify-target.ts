import { ConvoyError } from '../errors.js'
import { type ConvoyEvent, type EventFilter, type EventSeverity, severityOf } from './event.js'
import { isVolumeName } from './volume-name.js'

/** Whom to tell of events. */
export interface NotifyTarget {
  readonly name: string
  readonly filter: EventFilter
  readonly destination: NotifyDestination
  /** For one attempt. */
  readonly timeoutMs: number
  /** Attempts after the first, before the target is said to fail. */
  readonly retries: number
  /** What is older, and cannot be told, is left out. */
  readonly giveUpAfterMs: number
}

export type NotifyDestination = Webhook | NotifyCommand

/** Paths are of files that hold what is secret: the address itself, header lines, the key of the signature. */
export interface Webhook {
  readonly kind: 'webhook'
  readonly url: string | { readonly file: string }
  readonly headersFile?: string
  readonly secretFile?: string
}

export interface NotifyCommand {
  readonly kind: 'command'
  readonly command: readonly [program: string, ...args: readonly string[]]
}

/** Where an event comes from, for whoever hears of several hosts. */
export interface NoticeOrigin {
  readonly host: string
  readonly daemon: string
}

/** One event on its way to a target. */
export interface Notice {
  /** The same for each attempt: that is how a target knows what it has heard already. */
  readonly id: string
  readonly content: Omit<ConvoyEvent, 'id'> & NoticeOrigin & { readonly id?: number; readonly severity: EventSeverity }
}

export function noticeOf(id: string, event: ConvoyEvent, origin: NoticeOrigin): Notice {
  const { id: eventId, ...rest } = event
  const content = { ...rest, severity: severityOf(event), ...origin }
  return { id, content: eventId === 0 ? content : { id: eventId, ...content } }
}

export function parseTargetName(text: string): string {
  if (isVolumeName(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not the name of a target`, {
    hint: 'use 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or digit',
  })
}

/** An address that can be shown, because nothing in it is a password; its path may be a secret all the same. */
export function parseWebhookUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    throw new ConvoyError('invalid-argument', 'that is no address of a webhook', {
      hint: 'write https://HOST/PATH',
    })
  }
  if (url.username === '' && url.password === '') return url.href
  throw new ConvoyError('invalid-argument', 'the address of a webhook holds a name or a password', {
    hint: 'put an Authorization header into a file, and name that with headers-file',
  })
}

/** What may be said of a destination to anybody. Paths of webhooks often are their password. */
export function describeDestination(destination: NotifyDestination): string {
  if (destination.kind === 'command') return destination.command.join(' ')
  return typeof destination.url === 'string' ? describeUrl(destination.url) : `the address in ${destination.url.file}`
}

export function describeUrl(text: string): string {
  const { origin, pathname, search } = new URL(text)
  return pathname === '/' && search === '' ? origin : `${origin}/…`
}
