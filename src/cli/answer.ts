import { ConvoyError } from '../errors.js'
import { findField } from './control-client.js'

/** What the daemon answered is read field by field: a later daemon may have more of them, and other ones. */
export function readList(json: unknown): readonly unknown[] {
  if (Array.isArray(json)) return json
  throw new ConvoyError('internal', 'the daemon answered with something that is no list', {
    hint: 'command and daemon may differ in version: see "convoy version"',
  })
}

/** A text, or the empty one. */
export function readText(json: unknown, name: string): string {
  const value = findField(json, name)
  return typeof value === 'string' ? value : ''
}

export function readNumber(json: unknown, name: string): number | undefined {
  const value = findField(json, name)
  return typeof value === 'number' ? value : undefined
}

/** A list, or the empty one. */
export function readItems(json: unknown, name: string): readonly unknown[] {
  const value = findField(json, name)
  return Array.isArray(value) ? value : []
}
