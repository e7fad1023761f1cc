import type { OptionTable } from '../src/model/options.js'
import {
  type DescribedOption,
  describedDrivers,
  describedNotifyOptions,
  describedOptions,
  describedVolumeOptions,
} from './described-options.js'

/** convoy(8), in plain roff. */
export function manualPage(): string {
  const parts = [
    '.TH CONVOY 8 "" "Convoy" "System Administration"',
    section('NAME', 'convoy - volumes for Docker, and the daemon that serves them'),
    '.SH SYNOPSIS\n.B convoy daemon\n.RI [ options ]\n.br\n.B convoy\n.I command\n.RI [ options ]\n.RI [ arguments ]',
    section(
      'DESCRIPTION',
      '`convoy daemon` serves Docker volumes on the storage drivers that it is given. All other commands ask that daemon; ' +
        '`convoy --help` lists them, and `convoy COMMAND --help` explains each.',
    ),
    section(
      'OPTIONS OF THE DAEMON',
      'Later ones of the same name count more. A switch takes true or false: --debug=false.',
    ),
    ...describedOptions.map((option) => item(option)),
    ...describedDrivers.flatMap(({ name, options }) => [
      section(`OPTIONS OF THE DRIVER ${name.toUpperCase()}`, ''),
      ...options.map((option) => item(option)),
    ]),
    section(
      'VOLUME OPTIONS',
      'Given as `docker volume create -d convoy -o KEY=VALUE`, as driver_opts in a Compose file, by `convoy create -o`, or in a profile.',
    ),
    ...tableOptions(describedVolumeOptions),
    ...describedDrivers.flatMap(({ name, volumeOptions: table }) => [
      `.SS Volumes of the driver ${roff(name)}`,
      ...tableOptions(table),
    ]),
    section(
      'CONFIGURATION FILE',
      'YAML: the options above by their names without the dashes, `drivers` as a mapping of drivers to their options, ' +
        '`profiles` as a mapping of names to volume options, and `notify` as a mapping of names to targets. A commented sample comes with the program. Unknown keys are refused.',
    ),
    '.PP\n.nf\njobs: 4\ntrash\\-retention: 7d\ndrivers:\n  vfs:\n    path: /srv/volumes\nprofiles:\n  gold: { size: 10G, onRemove: trash }\n.fi',
    section(
      'NOTIFICATIONS',
      'Targets below `notify` in the configuration file are told of events: each at its own pace, in their order, at least once, ' +
        'and from where it was after a restart. A target that does not take an event is tried again, with pauses that grow to five ' +
        'minutes; what it may not have been told is said by an event of the type gap. Whoever hears something twice sees it by the ' +
        'header webhook-id or the variable CONVOY_NOTICE_ID. A change of the configuration is taken at SIGHUP. `convoy notify` shows ' +
        'the targets, and `convoy notify test` tries them. Options of a target:',
    ),
    ...tableOptions(describedNotifyOptions),
    '.PP\n.nf\nnotify:\n  pager:\n    severity: warning\n    webhook\\-file: /etc/convoy/pager\\-address\n  audit:\n    events: [volume, job]\n    command: [/usr/local/bin/audit, \\-\\-quiet]\n.fi',
    section(
      'BACKUPS',
      '`convoy backup` and `convoy repository` ask no daemon. A destination is vfs:///directory or s3://bucket@region/path; a backup is ' +
        'named by the URL that `convoy backup create` prints. What opens a repository is the key file of --key-file or CONVOY_KEY_FILE, ' +
        'or else /etc/convoy/repository.key for root and ~/.config/convoy/repository.key for others; or the passphrase in the file of ' +
        '--passphrase-file or CONVOY_PASSPHRASE_FILE, or one that is typed. It is never an argument.',
    ),
    '.PP\n.nf\nconvoy repository key generate\nconvoy backup create \\-\\-path /srv/db \\-\\-dest vfs:///mnt/backups\nconvoy backup list vfs:///mnt/backups\nconvoy backup extract URL \\-\\-to /srv/db.restored\n.fi',
    section(
      'ENVIRONMENT',
      'Every option is also read from the variable that is shown with it. An empty variable is none. CONVOY_DRIVERS is a list with ' +
        'commas. Flags count more than the environment, which counts more than the file; `convoy info --config` shows what won. ' +
        'All other commands look for the daemon where CONVOY_SOCKET says, unless --socket says otherwise. NO_COLOR turns colours off.',
    ),
    section('SIGNALS', ''),
    tagged(
      'SIGHUP',
      'reads the configuration again, and opens the file of --log anew. Options that need a restart are named in the log; a configuration that is wrong changes nothing.',
    ),
    tagged('SIGTERM, SIGINT', 'end the daemon. Volumes stay mounted, and no container notices.'),
    section(
      'EXIT STATUS',
      '0, or 1 for every failure, which is said on standard error, and as JSON on standard output. `convoy doctor`: 0 when nothing ' +
        'is wrong, 1 when something will go wrong, 2 when volumes do not work. `convoy backup create` and `extract`: 3 when all is done but ' +
        'for the files that are listed. 130 after Ctrl-C.',
    ),
    section('SEE ALSO', 'docker-volume(1), docker-volume-create(1)'),
  ]
  return `${parts.join('\n')}\n`
}

function section(title: string, text: string): string {
  return `.SH ${/\s/.test(title) ? `"${title}"` : title}${text === '' ? '' : `\n${roff(text)}`}`
}

function item({ flag, help, defaultText, variables, isInFile, isReloadable }: DescribedOption): string {
  const facts = [
    ...(defaultText === undefined ? [] : [`Default: ${defaultText}.`]),
    ...(variables.length === 0 ? [] : [`Variable: ${variables.join(', ')}.`]),
    ...(isInFile ? [] : ['Not in the configuration file.']),
    ...(isReloadable ? ['Changes at SIGHUP.'] : []),
  ]
  return tagged(flag, [`${help}.`, ...facts].join('\n'))
}

function tableOptions(table: OptionTable): readonly string[] {
  return Object.entries(table).map(([name, { placeholder, help, defaultText }]) =>
    tagged(`${name}=${placeholder}`, `${help}.${defaultText === undefined ? '' : `\nDefault: ${defaultText}.`}`),
  )
}

function tagged(tag: string, text: string): string {
  return `.TP\n.B ${roff(tag)}\n${roff(text)}`
}

/** Text that roff prints as it is; what stands between back quotes becomes bold. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/^([.'])/gm, '\\&$1')
}
