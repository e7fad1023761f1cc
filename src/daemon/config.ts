import { driverKinds } from '../drivers/registry.js'
import { ConvoyError } from '../errors.js'
import {
  oneOf,
  type Option,
  type OptionTable,
  parseAbsolutePath,
  parseBoolean,
  parseDurationMs,
  parseOptions,
  wholeNumber,
} from '../model/options.js'
import { type OnRemove, onRemoveWords } from '../model/volume.js'
import { parseVolumeName } from '../model/volume-name.js'

/** Flags of `convoy daemon`. A flag with an empty placeholder may stand without a value. */
export const daemonOptions = {
  name: {
    parse: parseVolumeName,
    default: 'convoy',
    placeholder: 'NAME',
    help: 'the plugin name: what users give as volume driver (default: convoy)',
  },
  root: {
    parse: parseAbsolutePath,
    default: '/var/lib/convoy',
    placeholder: 'DIRECTORY',
    help: 'the database, on a local disk (default: /var/lib/convoy)',
  },
  socket: {
    parse: parseAbsolutePath,
    placeholder: 'PATH',
    help: 'control socket (default: /var/run/convoy/NAME.sock)',
  },
  'plugin-socket': {
    parse: parseAbsolutePath,
    placeholder: 'PATH',
    help: 'socket for Docker (default: /run/docker/plugins/NAME.sock)',
  },
  'on-docker-remove': {
    parse: oneOf(...onRemoveWords),
    default: 'retain' satisfies OnRemove,
    placeholder: onRemoveWords.join('|'),
    help: 'what `docker volume rm` does to a named volume; retain forgets it and keeps its data (default: retain)',
  },
  'trash-retention': {
    parse: parseDurationMs,
    default: 24 * 3_600_000,
    placeholder: 'DURATION',
    help: 'how long deleted volumes can be brought back; 0 deletes at once (default: 24h)',
  },
  jobs: {
    parse: wholeNumber(1, 64),
    default: 2,
    placeholder: 'NUMBER',
    help: 'how many removals of data may run at once (default: 2)',
  },
  log: { parse: parseAbsolutePath, placeholder: 'FILE', help: 'append the log to this file instead of standard error' },
  debug: { parse: parseBoolean, default: false, placeholder: '', help: 'log more' },
  'create-on-docker-mount': {
    parse: parseBoolean,
    default: false,
    placeholder: '',
    help: 'create a volume that Docker mounts and that does not exist',
  },
  'ignore-docker-delete': {
    parse: parseBoolean,
    default: false,
    placeholder: '',
    help: 'the same as --on-docker-remove ignore',
  },
  'cmd-timeout': { parse: String, placeholder: 'DURATION', help: 'accepted for old scripts; has no effect' },
  'mnt-ns': { parse: String, placeholder: 'PATH', help: 'accepted for old scripts; has no effect' },
  'ignore-config-file': { parse: parseBoolean, default: false, placeholder: '', help: 'accepted; has no effect' },
} satisfies OptionTable

/** The command line of `convoy daemon`, as typed. */
export interface DaemonArguments {
  readonly options: Readonly<Record<string, string>>
  /** `--drivers`; none means vfs. */
  readonly drivers: readonly string[]
  /** `--driver-opts`, each `vfs.path=/srv/volumes`. */
  readonly driverOptions: readonly string[]
}

export interface DaemonConfig {
  readonly name: string
  readonly root: string
  readonly controlSocket: string
  readonly pluginSocket: string
  readonly onDockerRemove: OnRemove
  readonly trashRetentionMs: number
  readonly mostRunningJobs: number
  readonly logFile: string | undefined
  readonly debug: boolean
  readonly createOnDockerMount: boolean
  /** In order; the first is the default. Driver name → its options. */
  readonly drivers: ReadonlyMap<string, Readonly<Record<string, string>>>
}

/** ConvoyError `invalid-argument` names whatever is wrong. */
export function parseDaemonConfig(args: DaemonArguments): DaemonConfig {
  const options = parseOptions(daemonOptions, args.options, 'option')
  const { name } = options
  return {
    name,
    root: options.root,
    controlSocket: options.socket ?? `/var/run/convoy/${name}.sock`,
    pluginSocket: options['plugin-socket'] ?? `/run/docker/plugins/${name}.sock`,
    onDockerRemove: options['ignore-docker-delete'] ? 'ignore' : options['on-docker-remove'],
    trashRetentionMs: options['trash-retention'],
    mostRunningJobs: options.jobs,
    logFile: options.log,
    debug: options.debug,
    createOnDockerMount: options['create-on-docker-mount'],
    drivers: parseDrivers(args),
  }
}

function parseDrivers({
  drivers,
  driverOptions,
}: DaemonArguments): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const names = drivers.length === 0 ? ['vfs'] : drivers
  const unknown = names.find((name) => !Object.hasOwn(driverKinds, name))
  if (unknown !== undefined) {
    throw new ConvoyError('invalid-argument', `unknown driver ${JSON.stringify(unknown)}`, {
      hint: `the drivers are: ${Object.keys(driverKinds).join(', ')}`,
    })
  }
  const parsed = new Map<string, Record<string, string>>(names.map((name) => [name, {}]))
  for (const text of driverOptions) {
    const [, driver = '', option = '', value = ''] = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text) ?? []
    const options = parsed.get(driver)
    if (options === undefined) throw badDriverOption(text, names)
    options[option] = value
  }
  for (const [name, options] of parsed) {
    const table: Readonly<Record<string, Option<unknown>>> = driverKinds[name]?.options ?? {}
    parseOptions(table, options, `option of driver ${name}`)
  }
  return parsed
}

function badDriverOption(text: string, drivers: readonly string[]): ConvoyError {
  return new ConvoyError(
    'invalid-argument',
    `--driver-opts ${JSON.stringify(text)} is not an option of a driver in use`,
    {
      hint: `write DRIVER.OPTION=VALUE, where DRIVER is one of: ${drivers.join(', ')}`,
    },
  )
}
