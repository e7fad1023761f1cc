import { driverKinds } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'
import { type OptionTable, parseOptions } from '../model/options.js'
import type { ConfigFile } from './config-file.js'
import { allDaemonOptions, daemonOptions } from './daemon-options.js'
import { ranks, type Setting, type SettingsByName } from './setting.js'

/** The command line of `convoy daemon`, as typed. */
export interface DaemonArguments {
  readonly options: Readonly<Record<string, string>>
  /** `--drivers`, in their order. */
  readonly drivers: readonly string[]
  /** `--driver-opts`, each `vfs.path=/srv/volumes`. */
  readonly driverOptions: readonly string[]
}

/** The last one typed is the strongest. */
export function settingsOfFlags({ options, drivers, driverOptions }: DaemonArguments): readonly Setting[] {
  const rank = ranks.flag
  const named = Object.entries(options).map(([name, text]) => ({ name, text, source: `--${name}`, rank }))
  const together = drivers.find((driver) => driver.includes(','))
  if (together !== undefined) throw unknownDriver(together)
  const list = drivers.length === 0 ? [] : [{ name: 'drivers', text: drivers.join(), source: '--drivers', rank }]
  const ofDrivers = driverOptions.map((typed) => {
    const [, name, text] = /^([^.=]+\.[^=]+)=(.*)$/s.exec(typed) ?? []
    if (name === undefined || text === undefined) throw misplacedDriverOption(typed, Object.keys(driverKinds))
    return { name, text, source: `--driver-opts ${name}`, rank }
  })
  return [...named, ...list, ...ofDrivers.reverse()]
}

export function settingsOfFile(file: ConfigFile | undefined): readonly Setting[] {
  if (file === undefined) return []
  const rank = ranks.file
  const options = file.options.map((entry) => ({ ...entry, rank }))
  const ofDrivers = [...file.drivers].flatMap(([driver, entries]) =>
    entries.map((entry) => ({ ...entry, name: `${driver}.${entry.name}`, rank })),
  )
  if (file.drivers.size === 0) return options
  const source = file.driversSource ?? file.path
  return [...options, { name: 'drivers', text: [...file.drivers.keys()].join(), source, rank }, ...ofDrivers]
}

/** What switches say in other words. The switch is stronger than what it stands for, of the same source. */
export function settingsOfSwitches(settings: SettingsByName): readonly Setting[] {
  return Object.entries(allDaemonOptions).flatMap(([name, { parse, implies }]) => {
    const [winner] = settings.get(name) ?? []
    if (winner === undefined || implies === undefined || parse(winner.text) !== true) return []
    return [{ name: implies.option, text: implies.text, source: winner.source, rank: winner.rank - 0.5 }]
  })
}

/** ConvoyError `invalid-argument` when it is no option, or its text no value of it. Says where it was given, too. */
export function checkSetting(setting: Setting): void {
  const { name, text, source, rank } = setting
  // A flag is named by the message anyway.
  if (rank === ranks.flag) check(name, text)
  else locate(source, () => check(name, text))
}

function check(name: string, text: string): void {
  const at = name.indexOf('.')
  const driver = name.slice(0, Math.max(at, 0))
  if (name === 'drivers') daemonOptions.drivers.parse(text).forEach(refuseUnknownDriver)
  else if (at < 0) parseOptions<OptionTable>(daemonOptions, Object.fromEntries([[name, text]]), 'option')
  else if (Object.hasOwn(driverKinds, driver)) {
    const options = Object.fromEntries([[name.slice(at + 1), text]])
    parseOptions(driverKinds[driver]?.options ?? {}, options, `option of driver ${driver}`)
  }
}

/** Whatever `act` refuses, it is refused there. */
export function locate<T>(source: string, act: () => T): T {
  try {
    return act()
  } catch (thrown) {
    if (!(thrown instanceof ConvoyError)) throw thrown
    const hint = thrown.hint === undefined ? {} : { hint: thrown.hint }
    throw new ConvoyError(thrown.code, `${source}: ${thrown.message}`, { ...hint, cause: thrown })
  }
}

/** What was typed for a driver that is not in use would be lost. */
export function refuseMisplacedDriverOptions({ driverOptions }: DaemonArguments, drivers: readonly string[]): void {
  const misplaced = driverOptions.find((typed) => !drivers.some((driver) => typed.startsWith(`${driver}.`)))
  if (misplaced !== undefined) throw misplacedDriverOption(misplaced, drivers)
}

function misplacedDriverOption(typed: string, drivers: readonly string[]): ConvoyError {
  const what = `--driver-opts ${JSON.stringify(typed)} is not an option of a driver in use`
  return new ConvoyError('invalid-argument', what, {
    hint: `write DRIVER.OPTION=VALUE, where DRIVER is one of: ${drivers.join(', ')}`,
  })
}

function refuseUnknownDriver(name: string): void {
  if (!Object.hasOwn(driverKinds, name)) throw unknownDriver(name)
}

function unknownDriver(name: string): ConvoyError {
  const known = Object.keys(driverKinds)
  const nearest = findNearestWord(name, known)
  return new ConvoyError('invalid-argument', `unknown driver ${JSON.stringify(name.slice(0, 60))}`, {
    hint: `${nearest === undefined ? '' : `did you mean ${nearest}? `}the drivers are: ${known.join(', ')}`,
  })
}
