import { commonVolumeOptions } from '../src/core/volume-options.js'
import { variableOf } from '../src/daemon/config-environment.js'
import { allDaemonOptions } from '../src/daemon/daemon-options.js'
import { notifyOptions } from '../src/daemon/notify-targets.js'
import { driverKinds } from '../src/drivers/registry.js'
import type { OptionTable } from '../src/model/options.js'

/** An option as the documents speak of it. */
export interface DescribedOption {
  readonly name: string
  /** As it is typed: `--jobs NUMBER`. */
  readonly flag: string
  readonly placeholder: string
  readonly help: string
  /** Undefined where nothing holds without it. */
  readonly defaultText: string | undefined
  readonly variables: readonly string[]
  readonly isInFile: boolean
  readonly isReloadable: boolean
}

/** Options of the daemon, without those that do nothing. */
export const describedOptions: readonly DescribedOption[] = Object.entries(allDaemonOptions)
  .filter(([, { hasNoEffect }]) => hasNoEffect !== true)
  .map(([name, { placeholder, help, defaultText, givenBy, aliases, isReloadable }]) => ({
    name,
    flag: placeholder === '' ? `--${name}` : `--${name} ${placeholder}`,
    placeholder,
    help,
    defaultText: placeholder === '' ? undefined : defaultText,
    variables: givenBy === 'flag' ? [] : [variableOf(name), ...Object.keys(aliases ?? {})],
    isInFile: givenBy === undefined,
    isReloadable: isReloadable === true,
  }))

export interface DescribedDriver {
  readonly name: string
  readonly options: readonly DescribedOption[]
  readonly volumeOptions: OptionTable
}

export const describedDrivers: readonly DescribedDriver[] = Object.entries(driverKinds).map(([driver, kind]) => ({
  name: driver,
  options: Object.entries(kind.options).map(([name, { placeholder, help, defaultText }]) => ({
    name,
    flag: `--driver-opts ${driver}.${name}=${placeholder}`,
    placeholder,
    help,
    defaultText,
    variables: [variableOf(`${driver}.${name}`)],
    isInFile: true,
    isReloadable: false,
  })),
  volumeOptions: kind.volumeOptions,
}))

/** Options of every volume, whatever its driver. */
export const describedVolumeOptions: OptionTable = commonVolumeOptions

/** Of a target of notifications. */
export const describedNotifyOptions: OptionTable = notifyOptions
