import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const engineVersions = ['20.10', '29'] as const
export type EngineVersion = (typeof engineVersions)[number]

/** Where `test/engine/install` put what the engine tests need. */
export interface Tools {
  readonly client: string
  readonly compose1: string
  readonly compose5: string
  /** A statically linked busybox: the one file of the test image. */
  readonly busybox: string
  /** The directory of each engine's `dockerd`. */
  readonly engines: Readonly<Record<EngineVersion, string>>
}

export type Prerequisites = { readonly tools: Tools } | { readonly missing: string }

/** `convoy` as built from this checkout, or what CONVOY_MAIN names instead. */
export const convoyMain =
  process.env['CONVOY_MAIN'] ?? fileURLToPath(new URL('../../program/convoy.cjs', import.meta.url))

/** A file of test/engine that is not compiled: found in the sources, beside the directory that was built. */
export function sourceFile(name: string): string {
  return fileURLToPath(new URL(`../../../test/engine/${name}`, import.meta.url))
}

const cache =
  process.env['CONVOY_TEST_CACHE'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'convoy-test')

/** The tools, or the reason why the engine tests cannot run here. */
export function findPrerequisites(): Prerequisites {
  if (process.platform !== 'linux') return { missing: 'needs Linux' }
  if (process.getuid?.() !== 0) return { missing: 'needs root: it starts a Docker engine in namespaces of its own' }
  const paths = join(cache, 'paths.json')
  if (!existsSync(paths)) return { missing: `needs ${paths}: run test/engine/install first` }
  // Written by test/engine/install, and each path is checked here.
  const tools = JSON.parse(readFileSync(paths, 'utf8')) as Tools
  const files = [tools.client, tools.compose1, tools.compose5, tools.busybox]
  const absent = [...files, ...Object.values(tools.engines).map((directory) => join(directory, 'dockerd'))].find(
    (path) => !existsSync(path),
  )
  if (absent !== undefined) return { missing: `needs ${absent}: run test/engine/install again` }
  if (!existsSync(convoyMain)) return { missing: `needs ${convoyMain}: run npm run build first` }
  return { tools }
}

/** The engines to test: both, or what CONVOY_ENGINES lists. */
export function chosenEngines(): readonly EngineVersion[] {
  const chosen = process.env['CONVOY_ENGINES']?.split(',')
  return engineVersions.filter((version) => chosen?.includes(version) ?? true)
}
