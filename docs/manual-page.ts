import type { OptionTable } from '../src/model/options.js'
import {
  type DescribedOption,
  describedDrivers,
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
    ...volumeOptions(describedVolumeOptions),
    ...describedDrivers.flatMap(({ name, volumeOptions: table }) => [
      `.SS Volumes of the driver ${roff(name)}`,
      ...volumeOptions(table),
    ]),
    section(
      'CONFIGURATION FILE',
      'YAML: the options above by their names without the dashes, `drivers` as a mapping of drivers to their options, and ' +
        '`profiles` as a mapping of names to volume options. A commented sample comes with the program. Unknown keys are refused.',
    ),
    '.PP\n.nf\njobs: 4\ntrash\\-retention: 7d\ndrivers:\n  vfs:\n    path: /srv/volumes\nprofiles:\n  gold: { size: 10G, onRemove: trash }\n.fi',
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
      '0, or 1 for every failure, which is said on standard error, and as JSON on standard output.',
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

function volumeOptions(table: OptionTable): readonly string[] {
  return Object.entries(table).map(([name, { placeholder, help }]) => tagged(`${name}=${placeholder}`, `${help}.`))
}

function tagged(tag: string, text: string): string {
  return `.TP\n.B ${roff(tag)}\n${roff(text)}`
}

/** Text that roff prints as it is; what stands between back quotes becomes bold. */
function roff(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/`([^`]*)`/g, '\\fB$1\\fR')
    .replace(/^([.'])/gm, '\\&$1')
}
