import type { Driver } from '../drivers/driver.js'
import type { DriverRegistry } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import { oneOf, type OptionTable, parseOptions } from '../model/options.js'
import { profileOption } from '../model/profile.js'
import { type Attributes, type OnRemove, onRemoveWords, type Volume } from '../model/volume.js'

/** Options of every volume, whatever its driver. */
export const commonVolumeOptions = {
  ...profileOption,
  driver: {
    parse: (text: string) => text,
    placeholder: 'DRIVER',
    help: 'storage driver (default: the first of --drivers)',
  },
  onRemove: {
    parse: oneOf(...onRemoveWords),
    placeholder: onRemoveWords.join('|'),
    help: 'what `docker volume rm` does: forget the volume and keep its data (retain), move it to the trash, delete it, or ignore the request',
  },
} satisfies OptionTable

/** Name → volume options: what the administrator offers as `-o profile=NAME`. */
export type Profiles = ReadonlyMap<string, Attributes>

export interface ParsedVolumeOptions {
  readonly driver: Driver
  readonly onRemove: OnRemove | undefined
  /** What the driver gets, checked against its table; with the profile that was asked for. */
  readonly options: Attributes
}

/**
 * Splits and checks a create call's options; refuses unknown and malformed ones by name. What a profile says is taken as if it had
 * been typed, and what was typed overrides it.
 */
export function parseVolumeOptions(
  drivers: DriverRegistry,
  profiles: Profiles,
  asked: Attributes,
): ParsedVolumeOptions {
  const texts = { ...findProfile(profiles, asked['profile']), ...asked }
  const driver = texts['driver'] === undefined ? drivers.default : drivers.get(texts['driver'])
  const { onRemove } = parseOptions({ ...commonVolumeOptions, ...driver.volumeOptions }, texts, 'volume option')
  const { driver: _, onRemove: __, ...options } = texts
  return { driver, onRemove, options }
}

function findProfile(profiles: Profiles, name: string | undefined): Attributes {
  const profile = name === undefined ? {} : profiles.get(name)
  if (profile !== undefined) return profile
  const known = [...profiles.keys()]
  throw new ConvoyError('invalid-argument', `there is no profile ${JSON.stringify(name?.slice(0, 60))}`, {
    hint: known.length === 0 ? 'the configuration of the daemon has none' : `the profiles are: ${known.join(', ')}`,
  })
}

/**
 * A create of a volume that exists is the same create again if it asks for nothing that the volume was not made with. What its
 * profile says by now is no matter: Docker repeats the options as they were typed.
 * ConvoyError `already-exists` names what differs.
 */
export function refuseOtherOptions(volume: Volume, texts: Attributes): void {
  const has: Attributes = {
    ...volume.options,
    driver: volume.driver,
    ...(volume.onRemove === undefined ? {} : { onRemove: volume.onRemove }),
  }
  const differing = Object.entries(texts).filter(([name, value]) => has[name] !== value)
  if (differing.length === 0) return
  const what = differing.map(([name]) => `${name}=${has[name] ?? 'nothing'}`).join(', ')
  throw new ConvoyError('already-exists', `volume "${volume.name}" exists with ${what}`, {
    hint:
      volume.state === 'forgotten'
        ? `its data was kept: create it without these options to take it back, or run: convoy delete ${volume.name}`
        : 'use another name, or create it with the options it has',
  })
}
