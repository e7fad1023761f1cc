import { ConvoyError } from '../errors.js'

declare const volumeName: unique symbol
/** A name that passed {@link parseVolumeName}: safe as a file name, in a URL and on a command line. */
export type VolumeName = string & { readonly [volumeName]: true }

const rule = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const anonymousRule = /^[0-9a-f]{64}$/

export function isVolumeName(text: unknown): text is VolumeName {
  return typeof text === 'string' && rule.test(text)
}

export function parseVolumeName(text: unknown): VolumeName {
  if (isVolumeName(text)) return text
  throw new ConvoyError('invalid-argument', `${describe(text)} is not a volume name`, {
    hint: 'use 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or digit',
  })
}

/** Docker names a volume that nobody named with 64 hex digits, and removes it with its container. */
export function isAnonymousVolumeName(name: VolumeName): boolean {
  return anonymousRule.test(name)
}

function describe(text: unknown): string {
  if (typeof text !== 'string') return text === undefined ? 'a missing name' : `a ${typeof text}`
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)
}
