import { driverKinds } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import type { ConfiguredOption } from '../model/config-report.js'
import type { NotifyTarget } from '../model/notify-target.js'
import { parseOptions } from '../model/options.js'
import type { Attributes, OnRemove } from '../model/volume.js'
import type { EventRetention } from '../core/core-deps.js'
import { doubtfulVariables, settingsOfEnvironment, type Variables } from './config-environment.js'
import { type ConfigFile, readConfigFile } from './config-file.js'
import { allDaemonOptions, daemonOptions, type LogFormat, type LogLevel } from './daemon-options.js'
import {
  checkSetting,
  type DaemonArguments,
  refuseMisplacedDriverOptions,
  settingsOfFile,
  settingsOfFlags,
  settingsOfSwitches,
} from './given-settings.js'
import { doubtfulTargets } from './notify-doubts.js'
import { notifySettings, parseNotifyTargets } from './notify-targets.js'
import { defaultPlaces, type Places } from '../model/default-places.js'
import { parseProfiles } from './profiles.js'
import { chooseSetting, rankSettings, type SettingsByName } from './setting.js'

export interface DaemonConfig {
  readonly check: boolean
  readonly name: string
  readonly root: string
  readonly cluster: string | undefined
  readonly controlSocket: string
  readonly pluginSocket: string
  readonly onDockerRemove: OnRemove
  readonly trashRetentionMs: number
  readonly mostRunningJobs: number
  readonly reviveContainers: boolean
  readonly eventRetention: EventRetention
  readonly logFile: string | undefined
  readonly logLevel: LogLevel
  readonly logFormat: LogFormat
  readonly createOnDockerMount: boolean
  readonly mountDeadlineMs: number
  /** In order; the first is the default. Driver name → its options. */
  readonly drivers: ReadonlyMap<string, Attributes>
  /** Name → volume options. */
  readonly profiles: ReadonlyMap<string, Attributes>
  /** Who is told of events. */
  readonly notify: readonly NotifyTarget[]
  /** The configuration file that was read. */
  readonly file: string | undefined
  /** Every option that has a value, with where it comes from. */
  readonly settings: readonly ConfiguredOption[]
  /** What looks like a mistake and is none for certain. */
  readonly warnings: readonly string[]
}

export interface ConfigSources {
  readonly args: DaemonArguments
  readonly environment: Variables
  readonly file: ConfigFile | undefined
}

/** Flags over the environment over the configuration file over defaults. ConvoyError `invalid-argument` names whatever is wrong. */
export async function loadDaemonConfig(args: DaemonArguments, environment: Variables): Promise<DaemonConfig> {
  const given = [...settingsOfFlags(args), ...settingsOfEnvironment(environment)]
  given.forEach(checkSetting)
  const settings = rankSettings(given)
  const texts = winners(settings, ['config', 'ignore-config-file', 'name'])
  const { config, 'ignore-config-file': isIgnored, name } = parseOptions(daemonOptions, texts, 'option')
  const path = config ?? defaultPlaces(name).config
  const file = isIgnored ? undefined : await readConfigFile(path)
  if (file === undefined && !isIgnored && settings.has('config')) {
    throw new ConvoyError('invalid-argument', `there is no configuration file ${path}`, {
      hint: `${settings.get('config')?.[0].source ?? ''} names it: create it, or do not name it`,
    })
  }
  const read = parseDaemonConfig({ args, environment, file })
  return { ...read, warnings: [...read.warnings, ...(await doubtfulTargets(read.notify))] }
}

/** ConvoyError `invalid-argument` names whatever is wrong, and where. */
export function parseDaemonConfig({ args, environment, file }: ConfigSources): DaemonConfig {
  const given = [...settingsOfFlags(args), ...settingsOfEnvironment(environment), ...settingsOfFile(file)]
  given.forEach(checkSetting)
  const settings = rankSettings([...given, ...settingsOfSwitches(rankSettings(given))])
  const options = parseOptions(daemonOptions, winners(settings, Object.keys(daemonOptions)), 'option')
  const { name } = options
  const drivers = [...new Set(options.drivers)]
  refuseMisplacedDriverOptions(args, drivers)
  const places = defaultPlaces(name)
  const root = options.root ?? places.root
  return {
    check: options.check,
    name,
    root,
    cluster: options.cluster,
    controlSocket: checkSocketPath(options.socket ?? places.socket, 'socket'),
    pluginSocket: checkSocketPath(options['plugin-socket'] ?? places['plugin-socket'], 'plugin-socket'),
    onDockerRemove: options['on-docker-remove'],
    trashRetentionMs: options['trash-retention'],
    mostRunningJobs: options.jobs,
    reviveContainers: options['revive-containers'],
    eventRetention: { longestMs: options['event-retention'], most: options['event-count'] },
    logFile: options.log,
    logLevel: options['log-level'],
    logFormat: options['log-format'],
    createOnDockerMount: options['create-on-docker-mount'],
    mountDeadlineMs: options['mount-deadline'],
    drivers: new Map(drivers.map((driver) => [driver, driverTexts(driver, settings)])),
    profiles: parseProfiles(file, drivers),
    notify: parseNotifyTargets(file),
    file: file?.path,
    settings: [...choose(settings, { ...places, root }, drivers), ...notifySettings(file)],
    warnings: doubtfulVariables(environment),
  }
}

/** The kernel has room for no more (`sun_path` of unix(7)). */
const longestSocketPath = 107

function checkSocketPath(path: string, option: string): string {
  const bytes = Buffer.byteLength(path)
  if (bytes <= longestSocketPath) return path
  throw new ConvoyError(
    'invalid-argument',
    `the path of a socket has at most ${longestSocketPath} bytes: ${path} has ${bytes}`,
    {
      hint: `give a shorter one with --${option}, or a shorter --name`,
    },
  )
}

function winners(settings: SettingsByName, names: readonly string[]): Attributes {
  const given = names.flatMap((name) => (settings.get(name) ?? []).slice(0, 1))
  return Object.fromEntries(given.map(({ name, text }) => [name, text]))
}

function driverTexts(driver: string, settings: SettingsByName): Attributes {
  const names = Object.keys(driverKinds[driver]?.options ?? {})
  const texts = winners(
    settings,
    names.map((name) => `${driver}.${name}`),
  )
  return Object.fromEntries(Object.entries(texts).map(([name, text]) => [name.slice(driver.length + 1), text]))
}

function choose(settings: SettingsByName, places: Places, drivers: readonly string[]): readonly ConfiguredOption[] {
  const own = Object.entries(allDaemonOptions).filter(
    ([name, { givenBy, hasNoEffect }]) => givenBy !== 'flag' && (hasNoEffect !== true || settings.has(name)),
  )
  const ofDrivers = drivers.flatMap((driver) =>
    Object.entries(driverKinds[driver]?.options ?? {}).map(([name, option]) => [`${driver}.${name}`, option] as const),
  )
  return [...own, ...ofDrivers].map(([name, { defaultText }]) =>
    chooseSetting(name, settings.get(name), isPlace(name) ? places[name] : defaultText?.replace('ROOT', places.root)),
  )
}

const isPlace = (name: string): name is keyof Places => Object.hasOwn(defaultPlaces(''), name)
