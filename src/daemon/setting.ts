import type { ConfiguredOption } from '../model/config-report.js'

/** An option as one source gives it. */
export interface Setting {
  /** Of an option of the daemon, or `vfs.path` for one of a driver. */
  readonly name: string
  readonly text: string
  /** The flag, the variable, or the file and line that it comes from, for people. */
  readonly source: string
  /** What has the lower rank wins. */
  readonly rank: number
}

export const ranks = { flag: 1, environment: 2, file: 3 } as const

/** Option name → what was given for it, the strongest first. */
export type SettingsByName = ReadonlyMap<string, readonly [Setting, ...Setting[]]>

/** Of one rank, what stands first is stronger. */
export function rankSettings(settings: readonly Setting[]): SettingsByName {
  const byName = new Map<string, [Setting, ...Setting[]]>()
  for (const setting of [...settings].sort((a, b) => a.rank - b.rank)) {
    const known = byName.get(setting.name)
    if (known === undefined) byName.set(setting.name, [setting])
    else known.push(setting)
  }
  return byName
}

export function chooseSetting(
  name: string,
  given: readonly Setting[] | undefined,
  defaultText: string | undefined,
): ConfiguredOption {
  const [winner, ...others] = given ?? []
  if (winner === undefined)
    return { name, source: 'default', overrides: [], ...(defaultText === undefined ? {} : { value: defaultText }) }
  const overrides = others.map(({ text, source }) => ({ value: text, source }))
  return { name, value: winner.text, source: winner.source, overrides }
}
