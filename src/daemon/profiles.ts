import { commonVolumeOptions } from '../core/volume-options.js'
import { driverKinds } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import { parseOptions } from '../model/options.js'
import { parseProfileName } from '../model/profile.js'
import type { Attributes } from '../model/volume.js'
import type { ConfigFile, FileEntry } from './config-file.js'
import { locate } from './given-settings.js'

/**
 * The profiles of the configuration file: name → volume options. Each fits the driver that it names, or else the default one;
 * ConvoyError `invalid-argument` says which does not, and where.
 */
export function parseProfiles(
  file: ConfigFile | undefined,
  drivers: readonly string[],
): ReadonlyMap<string, Attributes> {
  const profiles = [...(file?.profiles ?? [])].map(([name, entries]) => {
    const what = `${file?.path ?? ''}: profile ${JSON.stringify(name.slice(0, 60))}`
    locate(what, () => parseProfileName(name))
    return [name, parseProfile(what, entries, drivers)] as const
  })
  return new Map(profiles)
}

function parseProfile(what: string, entries: readonly FileEntry[], drivers: readonly string[]): Attributes {
  const [byDefault = ''] = drivers
  const named = entries.find(({ name }) => name === 'driver')
  const driver = named?.text ?? byDefault
  if (!drivers.includes(driver)) {
    throw new ConvoyError(
      'invalid-argument',
      `${named?.source ?? what}: driver ${JSON.stringify(driver)} is not in use`,
      {
        hint: `the drivers in use are: ${drivers.join(', ')}`,
      },
    )
  }
  const { profile, ...common } = commonVolumeOptions
  const table = { ...common, ...driverKinds[driver]?.volumeOptions }
  for (const { name, text, source } of entries) {
    locate(source, () => parseOptions(table, Object.fromEntries([[name, text]]), 'volume option'))
  }
  return Object.fromEntries(entries.map(({ name, text }) => [name, text]))
}
