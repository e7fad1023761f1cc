import type { Driver } from '../drivers/driver.js'
import type { DriverRegistry } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import { oneOf, type OptionTable, parseOptions } from '../model/options.js'
import { type Attributes, type OnRemove, onRemoveWords, type Volume } from '../model/volume.js'

/** Options of every volume, whatever its driver. */
export const commonVolumeOptions = {
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

export interface ParsedVolumeOptions {
  readonly driver: Driver
  readonly onRemove: OnRemove | undefined
  /** What the driver gets, checked against its table. */
  readonly options: Attributes
}

/** Splits and checks a create call's options; refuses unknown and malformed ones by name. */
export function parseVolumeOptions(drivers: DriverRegistry, texts: Attributes): ParsedVolumeOptions {
  const driver = texts['driver'] === undefined ? drivers.default : drivers.get(texts['driver'])
  const { onRemove } = parseOptions({ ...commonVolumeOptions, ...driver.volumeOptions }, texts, 'volume option')
  const options = Object.entries(texts).filter(([name]) => !Object.hasOwn(commonVolumeOptions, name))
  return { driver, onRemove: onRemove, options: Object.fromEntries(options) }
}

/**
 * A create of a volume that exists is the same create again if it asks for nothing that the volume was not made with.
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
