import { readFile } from 'node:fs/promises'
import { ConvoyError } from '../errors.js'

/** One scalar of the configuration file. */
export interface FileEntry {
  readonly name: string
  readonly text: string
  /** File and line, for people. */
  readonly source: string
}

/** A key of the file that may hold several values. */
export interface FileList {
  readonly name: string
  readonly texts: readonly string[]
  readonly source: string
}

/** What a configuration file says, not checked yet but for its form. */
export interface ConfigFile {
  readonly path: string
  readonly options: readonly FileEntry[]
  /** Where the drivers are listed, if they are. */
  readonly driversSource: string | undefined
  /** Driver name → its options, in the order of the file. */
  readonly drivers: ReadonlyMap<string, readonly FileEntry[]>
  /** Name of the profile → volume options. */
  readonly profiles: ReadonlyMap<string, readonly FileEntry[]>
  /** Name of the target of notifications → its options. */
  readonly notify: ReadonlyMap<string, readonly FileList[]>
}

const mostBytes = 1024 * 1024

/** The file at that path; undefined when there is none. ConvoyError `invalid-argument` says where it is wrong. */
export async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const text = await readText(path)
  if (text === undefined) return undefined
  // Reading YAML takes a while to load, and most hosts have no file.
  const { parseConfigFile } = await import('./config-yaml.js')
  return parseConfigFile(path, text)
}

async function readText(path: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ConvoyError('invalid-argument', `the configuration file ${path} cannot be read: ${code}`, {
      hint: code === 'EISDIR' ? 'it is a directory: name the file' : 'who runs the daemon must be able to read it',
      cause: thrown,
    })
  }
  if (text.length <= mostBytes) return text
  throw new ConvoyError('invalid-argument', `the configuration file ${path} is larger than ${mostBytes} bytes`)
}
