import type { OptionTable } from '../src/model/options.js'
import {
  type DescribedOption,
  describedDrivers,
  describedNotifyOptions,
  describedOptions,
  describedVolumeOptions,
} from './described-options.js'

/**
 * A configuration file that says nothing: every option with its default, behind `# `. What explains stands behind `## `, so that
 * the whole file without its `# ` is a configuration again.
 */
export function sampleFile(): string {
  const options = describedOptions.filter(({ isInFile, name }) => isInFile && name !== 'drivers')
  return [
    ...explain(
      'Convoy reads this file as /etc/convoy/convoy.yaml (a daemon --name NAME as /etc/convoy/NAME.yaml), or --config FILE.',
    ),
    ...explain(
      'Flags count more than the environment, which counts more than this file. What holds in the end, and why:',
    ),
    ...explain('"convoy info --config". Is the file right: "convoy daemon --check". After a change: SIGHUP for the'),
    ...explain(
      'options that are marked (reload), a restart of the daemon for the others; no container notices either.',
    ),
    ...options.flatMap((option) => ['', ...describe(option), setting(option)]),
    '',
    ...explain('The storage drivers, each with its options; the first is the default one.'),
    '# drivers:',
    ...describedDrivers.flatMap((driver) => [
      `#   ${driver.name}:`,
      ...driver.options.flatMap((option) => [...describe(option, '    '), setting(option, '    ')]),
    ]),
    '',
    ...explain(
      'Named sets of volume options: "docker volume create -d convoy -o profile=gold db". What else is typed counts more.',
    ),
    ...explain('A change concerns only volumes that are made from then on. (reload)'),
    ...explain('Options of every volume:'),
    ...tableOptions(withoutProfile(describedVolumeOptions)),
    ...describedDrivers.flatMap((driver) => [
      ...explain(`Options of volumes of the driver ${driver.name}:`),
      ...tableOptions(driver.volumeOptions),
    ]),
    '# profiles:',
    '#   gold:',
    '#     size: 10G',
    '#     onRemove: trash',
    '',
    ...explain(
      'Who is told of events: each in their order, and again until it is taken. "convoy notify test" tries it. (reload)',
    ),
    ...explain('Options of a target:'),
    ...tableOptions(describedNotifyOptions),
    '# notify:',
    '#   pager:',
    '#     severity: warning',
    '#     webhook-file: /etc/convoy/pager-address',
    '#   audit:',
    '#     events: [volume, job]',
    '#     command: [/usr/local/bin/audit, --quiet]',
    '',
  ].join('\n')
}

const explain = (text: string, indent = '') => [`## ${indent}${text}`]

function describe({ help, isReloadable }: DescribedOption, indent = ''): readonly string[] {
  return explain(`${help}${isReloadable ? ' (reload)' : ''}`, indent)
}

/** What has no default is shown with something that could be. */
function setting({ name, defaultText, placeholder }: DescribedOption, indent = ''): string {
  const text = placeholder === '' ? 'false' : (usual(defaultText) ?? examples[name] ?? placeholder)
  return `# ${indent}${name}: ${text}`
}

/** As it is for a daemon named convoy. */
const usual = (defaultText: string | undefined) =>
  defaultText?.replace('NAME', 'convoy').replace('ROOT', '/var/lib/convoy')

const examples: Readonly<Record<string, string>> = {
  log: '/var/log/convoy.log',
  share: '10.0.0.5:/exports',
  efs: 'fs-0123456789abcdef0',
  efsregion: 'eu-west-1',
  efsendpoint: 'https://vpce-0123.elasticfilesystem.eu-west-1.vpce.amazonaws.com',
  mountoptions: 'nfsvers=4.1,proto=tcp',
  cluster: 'production',
  region: 'eu-west-1',
  endpoint: 'https://vpce-0123.ec2.eu-west-1.vpce.amazonaws.com',
  defaultencrypted: 'true',
  defaultkmskeyid: 'alias/convoy',
  fsfreeze: 'false',
}

function tableOptions(table: OptionTable): readonly string[] {
  return Object.entries(table).flatMap(([name, { placeholder, help, defaultText }]) =>
    explain(`${name} (${placeholder}): ${help}${defaultText === undefined ? '' : ` (default: ${defaultText})`}`, '  '),
  )
}

function withoutProfile({ profile, ...others }: OptionTable): OptionTable {
  return others
}
