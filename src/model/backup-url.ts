import { ConvoyError } from '../errors.js'
import { optional } from './optional.js'
import { parseAbsolutePath } from './options.js'
import { parseVolumeName, type VolumeName } from './volume-name.js'

/** Where repositories lie: a directory, or a folder of a bucket. Formatted by {@link formatDestination}, which parses back to it. */
export type Destination =
  | { readonly kind: 'vfs'; readonly path: string }
  /** `prefix`: the folder, without slashes at its ends; empty for the whole bucket. `region`: if the URL says so. */
  | { readonly kind: 's3'; readonly bucket: string; readonly region?: string; readonly prefix: string }

/** One backup, as its URL names it. */
export interface BackupUrl {
  readonly destination: Destination
  readonly volume: VolumeName
  readonly backup: string
}

const forms = 'use vfs:///directory, s3://bucket@region/path or s3://bucket/path'
const backupForms = 'as convoy prints it: DESTINATION?backup=NAME&volume=NAME'

/** `vfs:///dir`, `s3://bucket@region/path/`, `s3://bucket/path`; `%3F` and the like stand for characters of the path. */
export function parseDestination(text: string): Destination {
  if (text.includes('?'))
    throw refusal(text, 'is not a destination but a URL of one backup', `leave out what comes after the ?`)
  const [, scheme, rest = ''] = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(.*)$/s.exec(text) ?? []
  if (scheme === undefined) throw refusal(text, 'is not a destination', forms)
  if (text.includes('#')) throw refusal(text, 'has a # in it', 'write %23 for a # in a path')
  if (scheme === 'vfs') return parseDirectory(text, rest)
  if (scheme === 's3') return parseBucket(text, rest)
  if (scheme === 'ebs')
    throw refusal(text, 'is of another driver', 'EBS keeps its own snapshots; repositories lie on vfs:// or s3://')
  throw refusal(text, `has a kind of store that is not known, ${scheme.slice(0, 20)}`, forms)
}

export function formatDestination(destination: Destination): string {
  if (destination.kind === 'vfs') return `vfs://${escapePath(destination.path)}`
  const { bucket, region, prefix } = destination
  return `s3://${bucket}${region === undefined ? '' : `@${region}`}/${prefix === '' ? '' : `${escapePath(prefix)}/`}`
}

/** `<destination>?backup=<name>&volume=<name>`; the `&` may have come through JSON or a shell, as `\u0026` or `u0026`. */
export function parseBackupUrl(text: string): BackupUrl {
  const at = text.indexOf('?')
  if (at === -1 && /^ebs:/.test(text)) parseDestination(text)
  if (at === -1) throw refusal(text, 'is not the URL of a backup', backupForms)
  const destination = parseDestination(text.slice(0, at))
  const given = new Map<string, string>()
  for (const part of text.slice(at + 1).split(/&|\\?u0026/)) {
    const [, name = '', value = ''] = /^(backup|volume)=(.*)$/s.exec(part) ?? []
    if (name === '' || given.has(name)) throw refusal(text, 'is not the URL of a backup', backupForms)
    given.set(name, unescape(text, value))
  }
  const [backup, volume] = [given.get('backup'), given.get('volume')]
  if (backup === undefined || volume === undefined) throw refusal(text, 'is not the URL of a backup', backupForms)
  return { destination, volume: parseVolumeName(volume), backup: parseBackupName(backup) }
}

export function formatBackupUrl({ destination, volume, backup }: BackupUrl): string {
  return `${formatDestination(destination)}?backup=${backup}&volume=${volume}`
}

/** Backups are named as volumes are. */
export function parseBackupName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(text)) return text
  throw new ConvoyError('invalid-argument', `${quote(text)} is not the name of a backup`, {
    hint: 'use 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or digit',
  })
}

function parseDirectory(text: string, rest: string): Destination {
  if (!rest.startsWith('/'))
    throw refusal(text, 'names no absolute directory', 'three slashes begin it: vfs:///mnt/backups')
  const path = unescape(text, rest)
  try {
    return { kind: 'vfs', path: parseAbsolutePath(path) }
  } catch {
    throw refusal(text, 'names no absolute directory', 'use no "." or ".." components')
  }
}

function parseBucket(text: string, rest: string): Destination {
  const slash = rest.indexOf('/')
  const authority = slash === -1 ? rest : rest.slice(0, slash)
  // Not shown: it may be a password.
  if (authority.includes(':'))
    throw new ConvoyError('invalid-argument', 'an S3 destination has no user, password or port in it', {
      hint: 's3://bucket@region/path; give keys with --s3-credentials, an address with --s3-endpoint',
    })
  const [bucket = '', region, ...more] = authority.split('@')
  if (more.length > 0 || !/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket) || bucket.includes('..'))
    throw refusal(text, 'names no bucket', forms)
  if (region !== undefined && !/^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/.test(region))
    throw refusal(text, 'names no region', 'for example s3://bucket@eu-west-1/path')
  const prefix = unescape(text, slash === -1 ? '' : rest.slice(slash)).replace(/^\/|\/$/g, '')
  refuseBadPrefix(text, prefix)
  return { kind: 's3', bucket, ...optional('region', region), prefix }
}

function refuseBadPrefix(text: string, prefix: string): void {
  const components = prefix === '' ? [] : prefix.split('/')
  if (components.some((component) => ['', '.', '..'].includes(component)))
    throw refusal(text, 'names no folder of a bucket', 'use no empty, "." or ".." components')
  if (!/^[\x20-\x7e]{0,500}$/.test(prefix))
    throw refusal(text, 'names no folder of a bucket', 'use at most 500 characters, of ASCII')
}

/** What would end the path, be an escape itself, or not be seen. */
const escapePath = (path: string) =>
  path.replace(/[%?#\s\u0000-\u001f\u007f]/g, (character) => encodeURIComponent(character))

function unescape(text: string, escaped: string): string {
  try {
    return decodeURIComponent(escaped)
  } catch {
    throw refusal(text, 'has a % in it that begins no escape', 'write %25 for a % in a path')
  }
}

const refusal = (text: string, what: string, hint: string) =>
  new ConvoyError('invalid-argument', `${quote(text)} ${what}`, { hint })

const quote = (text: string) => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
