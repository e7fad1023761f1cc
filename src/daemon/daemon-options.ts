import { resolve } from 'node:path'
import { ConvoyError } from '../errors.js'
import {
  oneOf,
  type Option,
  parseAbsolutePath,
  parseBoolean,
  parseDurationMs,
  wholeNumber,
  withDefault,
} from '../model/options.js'
import { onRemoveWords } from '../model/volume.js'
import { parseVolumeName } from '../model/volume-name.js'

/** An option of the daemon: a flag, a variable of the environment, a key of the configuration file. */
export interface DaemonOption<T> extends Option<T> {
  /** Where it can be given, if not everywhere: what says which file to read is not in that file. */
  readonly givenBy?: 'flag' | 'flag or environment'
  /** A running daemon takes a new value at SIGHUP. */
  readonly isReloadable?: true
  /** A switch that, once true, is another way to give another option. */
  readonly implies?: { readonly option: string; readonly text: string }
  /** Variables of Convoy's older agents that mean the same, each with words that are called otherwise today. */
  readonly aliases?: Readonly<Record<string, Readonly<Record<string, string>>>>
  /** Accepted for old scripts. */
  readonly hasNoEffect?: true
}

export type DaemonOptionTable = Readonly<Record<string, DaemonOption<unknown>>>

export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]
export const logFormats = ['json', 'pretty'] as const
export type LogFormat = (typeof logFormats)[number]

const switchOption = { parse: parseBoolean, placeholder: '' }

/**
 * Options of `convoy daemon`. A flag with an empty placeholder may stand without a value. `--help`, the README's table, the sample
 * file and the manual page come from here: `npm run docs`.
 */
export const daemonOptions = {
  config: {
    // Whoever types it stands somewhere.
    parse: (text: string) => parseAbsolutePath(resolve(text)),
    defaultText: '/etc/convoy/NAME.yaml',
    placeholder: 'FILE',
    help: 'the configuration file; it may be missing only if it is not named',
    givenBy: 'flag or environment',
  },
  'ignore-config-file': withDefault('false', {
    ...switchOption,
    help: 'read no configuration file',
    givenBy: 'flag or environment',
  }),
  check: withDefault('false', {
    ...switchOption,
    help: 'say whether the configuration is right, and end: 0 if it is, 1 if not',
    givenBy: 'flag',
  }),
  name: withDefault('convoy', {
    parse: parseVolumeName,
    placeholder: 'NAME',
    help: 'the plugin name: what users give as volume driver',
    aliases: { STACK_NAME: {} },
  }),
  root: {
    parse: parseAbsolutePath,
    defaultText: '/var/lib/convoy',
    placeholder: 'DIRECTORY',
    help: 'the database, on a local disk; under another name than convoy /var/lib/convoy-NAME',
  },
  cluster: {
    parse: parseClusterName,
    placeholder: 'NAME',
    help: 'whose volumes these are, for storage that several hosts see (ebs): the hosts of one cluster have the same volumes',
  },
  drivers: withDefault('vfs', {
    parse: parseNames,
    repeatable: true,
    placeholder: 'NAME',
    help: 'a storage driver to use; repeatable, the first is the default one',
  }),
  'driver-opts': {
    parse: String,
    repeatable: true,
    placeholder: 'KEY=VALUE',
    help: 'an option of a driver, for example vfs.path=/srv/volumes; repeatable',
    givenBy: 'flag',
  },
  socket: {
    parse: parseAbsolutePath,
    defaultText: '/var/run/convoy/NAME.sock',
    placeholder: 'PATH',
    help: 'control socket',
  },
  'plugin-socket': {
    parse: parseAbsolutePath,
    defaultText: '/run/docker/plugins/NAME.sock',
    placeholder: 'PATH',
    help: 'socket for Docker',
  },
  'on-docker-remove': withDefault('retain', {
    parse: oneOf(...onRemoveWords),
    placeholder: onRemoveWords.join('|'),
    help: 'what `docker volume rm` does to a named volume; retain forgets it and keeps its data',
    isReloadable: true,
    aliases: { ON_REMOVE: { purge: 'delete' } },
  }),
  'trash-retention': withDefault('24h', {
    parse: parseDurationMs,
    placeholder: 'DURATION',
    help: 'how long volumes can be brought back that are deleted from now on; 0 deletes at once',
    isReloadable: true,
  }),
  jobs: withDefault('2', {
    parse: wholeNumber(1, 64),
    placeholder: 'NUMBER',
    help: 'how many removals of data may run at once on one disk or share',
    isReloadable: true,
  }),
  'mount-deadline': withDefault('100s', {
    parse: parseMountDeadline,
    placeholder: 'DURATION',
    help: 'how long a mount waits for its storage; Docker gives up after 120 s, and of a managed plugin after 30 s: 25s there',
    isReloadable: true,
  }),
  'revive-containers': withDefault('false', {
    ...switchOption,
    help: 'once after the start, start containers with a restart policy that a failed mount left behind',
    isReloadable: true,
  }),
  'event-retention': withDefault('7d', {
    parse: parseDurationMs,
    placeholder: 'DURATION',
    help: 'how long what has happened is kept for `convoy events --since`',
    isReloadable: true,
  }),
  'event-count': withDefault('10000', {
    parse: wholeNumber(1, 10_000_000),
    placeholder: 'NUMBER',
    help: 'how many events are kept at most; the oldest go first',
    isReloadable: true,
  }),
  'create-on-docker-mount': withDefault('false', {
    ...switchOption,
    help: 'create a volume that Docker mounts and that does not exist',
    isReloadable: true,
  }),
  'ignore-docker-delete': withDefault('false', {
    ...switchOption,
    help: 'the same as --on-docker-remove ignore',
    isReloadable: true,
    implies: { option: 'on-docker-remove', text: 'ignore' },
  }),
  log: { parse: parseAbsolutePath, placeholder: 'FILE', help: 'append the log to this file, not to standard error' },
  'log-level': withDefault('info', {
    parse: oneOf(...logLevels),
    placeholder: logLevels.join('|'),
    help: 'the least that is worth a line in the log',
    isReloadable: true,
  }),
  'log-format': withDefault('json', {
    parse: oneOf(...logFormats),
    placeholder: logFormats.join('|'),
    help: 'lines of the log for programs or for people',
  }),
  debug: withDefault('false', {
    ...switchOption,
    help: 'the same as --log-level debug',
    isReloadable: true,
    implies: { option: 'log-level', text: 'debug' },
  }),
  'cmd-timeout': {
    parse: String,
    placeholder: 'DURATION',
    help: 'accepted for old scripts; has no effect',
    hasNoEffect: true,
  },
  'mnt-ns': { parse: String, placeholder: 'PATH', help: 'accepted for old scripts; has no effect', hasNoEffect: true },
} satisfies DaemonOptionTable

/** The same table, for whoever goes through all of it. */
export const allDaemonOptions: DaemonOptionTable = daemonOptions

function parseClusterName(text: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not the name of a cluster`, {
    hint: 'use up to 64 letters, digits and _ . -',
  })
}

/** Names that commas part. */
function parseNames(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim())
}

/** Below 5 s no share is mounted in time; after 110 s nobody may wait for the answer. */
function parseMountDeadline(text: string): number {
  const ms = parseDurationMs(text)
  if (ms >= 5000 && ms <= 110_000) return ms
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not from 5s to 110s`)
}
