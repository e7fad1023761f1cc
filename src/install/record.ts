import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseJsonObject } from '../model/json-object.js'
import { readIfThere } from './files.js'

/** Path of a file → the SHA-256, in hex, of each content that an installation has written there, or was about to write. */
export type InstallRecord = ReadonlyMap<string, readonly string[]>

export function hashOf(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex')
}

/** Of all files below the directory, with their names. */
export function hashOfTree(directory: string): string {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name))
  return hashOf(
    files
      .sort()
      .map((file) => `${file.slice(directory.length)} ${hashOf(readFileSync(file))}\n`)
      .join(''),
  )
}

/** Undefined where nothing is installed. */
export function readRecord(path: string): InstallRecord | undefined {
  const text = readIfThere(path)
  if (text === undefined) return undefined
  const files = parseJsonObject(text)?.['files']
  if (typeof files !== 'object' || files === null) return new Map()
  return new Map(Object.entries(files).map(([file, hashes]) => [file, Array.isArray(hashes) ? hashes.map(String) : []]))
}

export function formatRecord(record: InstallRecord): string {
  return `${JSON.stringify({ files: Object.fromEntries(record) }, undefined, 2)}\n`
}
