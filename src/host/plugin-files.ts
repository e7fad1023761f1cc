import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseJsonObject } from '../model/json-object.js'

/** A file by which Docker finds a plugin; its name is the plugin's. */
export interface PluginFile {
  readonly path: string
  readonly name: string
  readonly kind: 'socket' | 'spec'
  /** Where the plugin should be: `unix:///…`, `tcp://…`; what the file says, whatever that is. */
  readonly address: string
}

/** Where Docker looks, in its order. */
export const pluginDirectories = {
  sockets: ['/run/docker/plugins'],
  specs: ['/etc/docker/plugins', '/usr/lib/docker/plugins'],
} as const

/**
 * The files by which Docker finds its plugins, one for each name: the first that it finds counts. Managed plugins have none.
 */
export function listPluginFiles(
  directories: { readonly sockets: readonly string[]; readonly specs: readonly string[] } = pluginDirectories,
): readonly PluginFile[] {
  const sockets = directories.sockets.flatMap((directory) => candidates(directory, ['.sock']))
  const specs = directories.specs.flatMap((directory) => candidates(directory, ['.spec', '.json']))
  const files = [
    ...sockets.map((path): PluginFile => ({ ...named(path), kind: 'socket', address: `unix://${path}` })),
    ...specs.map((path): PluginFile => ({ ...named(path), kind: 'spec', address: readAddress(path) })),
  ]
  const names = new Set<string>()
  return files.filter(({ name }) => !names.has(name) && names.add(name))
}

const named = (path: string) => ({ path, name: basename(path).replace(/\.[^.]*$/, '') })

/** `NAME.sock` and `NAME/NAME.sock`. */
function candidates(directory: string, endings: readonly string[]): readonly string[] {
  return readdir(directory).flatMap((entry) => {
    if (endings.some((ending) => entry.endsWith(ending) && entry !== ending)) return [join(directory, entry)]
    const below = readdir(join(directory, entry))
    return endings.flatMap((ending) => (below.includes(entry + ending) ? [join(directory, entry, entry + ending)] : []))
  })
}

function readdir(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort()
  } catch {
    return []
  }
}

function readAddress(path: string): string {
  try {
    const text = readFileSync(path, 'utf8').trim()
    if (!path.endsWith('.json')) return text
    const address = parseJsonObject(text)?.['Addr']
    return typeof address === 'string' ? address : ''
  } catch {
    return ''
  }
}
