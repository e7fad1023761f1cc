import { driverKinds } from '../drivers/registry.js'
import { findNearestWord } from '../model/nearest-word.js'
import { allDaemonOptions } from './daemon-options.js'
import { ranks, type Setting } from './setting.js'

/** The environment of a process. */
export type Variables = Readonly<Record<string, string | undefined>>

/** `CONVOY_TRASH_RETENTION` is the option trash-retention, and `CONVOY_VFS_PATH` the option vfs.path. */
export function variableOf(option: string): string {
  return `CONVOY_${option.replace(/[^A-Za-z0-9]/g, '_').toUpperCase()}`
}

/** Those of the variables that give an option. An empty one gives none: that is how Compose passes on what is not set. */
export function settingsOfEnvironment(variables: Variables): readonly Setting[] {
  const own = [...optionsByVariable()].map(([variable, name]) => setting(variables, variable, name, {}))
  const aliases = Object.entries(allDaemonOptions).flatMap(([name, option]) =>
    Object.entries(option.aliases ?? {}).map(([variable, words]) => setting(variables, variable, name, words)),
  )
  const efs = setting(variables, 'EFS_ID', 'vfs.efs', {})
  return [...own, ...aliases].flat().concat(shareOfEnvironment(variables), efs)
}

/** Convoy's older agents took a share in several variables; a server without a directory is none of theirs. */
function shareOfEnvironment(variables: Variables): readonly Setting[] {
  const of = (...names: readonly string[]) => names.map((name) => variables[name] ?? '').find((text) => text !== '')
  const [server, directory] = [of('NFS_SERVER', 'MNT_HOST'), of('MOUNT_DIR', 'MNT_DIR')]
  if (server === undefined || directory === undefined) return []
  const version = of('NFS_VERS')
  const options = [of('MOUNT_OPTS', 'MNT_OPTS'), version === undefined ? undefined : `nfsvers=${version}`]
  const texts = { 'vfs.share': `${server}:${directory}`, 'vfs.mountoptions': options.filter(Boolean).join(',') }
  const source = variables['NFS_SERVER'] === server ? 'NFS_SERVER' : 'MNT_HOST'
  return Object.entries(texts).flatMap(([name, text]) =>
    text === '' ? [] : [{ name, text, source, rank: ranks.environment }],
  )
}

function setting(
  variables: Variables,
  variable: string,
  name: string,
  words: Readonly<Record<string, string>>,
): readonly Setting[] {
  const given = variables[variable] ?? ''
  const text = Object.hasOwn(words, given) ? (words[given] ?? given) : given
  return text === '' ? [] : [{ name, text, source: variable, rank: ranks.environment }]
}

/** What is worth saying of variables that look like ours and are not. They are no mistake: Kubernetes makes some, too. */
export function doubtfulVariables(variables: Variables): readonly string[] {
  const known = [...optionsByVariable().keys()]
  const strange = Object.keys(variables).filter(
    (variable) => variable.startsWith('CONVOY_') && variable !== 'CONVOY_FAILPOINT' && !known.includes(variable),
  )
  return strange.map((variable) => {
    const nearest = findNearestWord(variable, known)
    return `${variable} in the environment is no option${nearest === undefined ? '' : `: did you mean ${nearest}?`}`
  })
}

function optionsByVariable(): ReadonlyMap<string, string> {
  const own = Object.entries(allDaemonOptions).flatMap(([name, { givenBy }]) => (givenBy === 'flag' ? [] : [name]))
  const ofDrivers = Object.entries(driverKinds).flatMap(([driver, { options }]) =>
    Object.keys(options).map((name) => `${driver}.${name}`),
  )
  return new Map([...own, ...ofDrivers].map((name) => [variableOf(name), name]))
}
