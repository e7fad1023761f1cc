import { readFile } from 'node:fs/promises'
import t, { type Test } from 'tap'
import { ConvoyProcess, type ConvoySettings } from './convoy-process.js'
import { DockerEngine } from './docker-engine.js'
import { EngineNamespace } from './engine-namespace.js'
import { PluginRecorder } from './plugin-recorder.js'
import { chosenEngines, findPrerequisites, type EngineVersion, type Tools } from './prerequisites.js'

export { eventually, within } from './polling.js'
export type { Test } from 'tap'

const minute = 60_000

/** A running engine of one version and a running daemon, shared by the cases of one suite. */
export interface Lab {
  readonly version: EngineVersion
  readonly namespace: EngineNamespace
  readonly engine: DockerEngine
  readonly convoy: ConvoyProcess
  /** What the engine asked the daemon; present in a suite that is `recorded`. */
  readonly recorder: PluginRecorder
}

/** A running daemon without an engine. */
export type DaemonLab = Pick<Lab, 'namespace' | 'convoy'>

export interface SuiteSettings {
  /** Puts a recorder between engine and daemon. Not for suites in which the daemon is down: the recorder never is. */
  readonly recorded?: boolean
  readonly engineFlags?: readonly string[]
  readonly convoyFlags?: readonly string[]
  /** Runs in the new namespaces before anything is started. */
  readonly before?: (namespace: EngineNamespace) => Promise<void>
}

/** Runs the cases once for each engine version, or says why it cannot. */
export function engineSuite(title: string, cases: (t: Test, lab: Lab) => void, settings: SuiteSettings = {}): void {
  t.setTimeout(20 * minute)
  const prerequisites = findPrerequisites()
  if ('missing' in prerequisites) {
    skip(title, prerequisites.missing)
    return
  }
  for (const version of chosenEngines())
    t.test(`${title}, on Docker ${version}`, { timeout: 15 * minute }, async (t) => {
      const lab = await openLab(t, { tools: prerequisites.tools, version, settings })
      t.afterEach(async () => lab.engine.removeContainers())
      cases(t, lab)
    })
}

/** Runs the cases against the daemon's socket alone. */
export function daemonSuite(
  title: string,
  cases: (t: Test, lab: DaemonLab) => void,
  settings: SuiteSettings = {},
): void {
  t.setTimeout(20 * minute)
  const prerequisites = findPrerequisites()
  if ('missing' in prerequisites) {
    skip(title, prerequisites.missing)
    return
  }
  t.test(title, { timeout: 15 * minute }, async (t) => {
    const namespace = await openNamespace(t, settings)
    const convoy = new ConvoyProcess(namespace, convoySettings(settings))
    await convoy.start()
    cases(t, { namespace, convoy })
  })
}

function skip(title: string, reason: string): void {
  if (process.env['CONVOY_NO_SKIPS'] === '1') t.fail(`${title}: skipped, which CONVOY_NO_SKIPS forbids: ${reason}`)
  else t.test(title, { skip: reason }, () => undefined)
}

async function openLab(
  t: Test,
  { tools, version, settings }: { tools: Tools; version: EngineVersion; settings: SuiteSettings },
): Promise<Lab> {
  const namespace = await openNamespace(t, settings)
  const engine = new DockerEngine(namespace, tools, version)
  const behind = namespace.path('behind-the-recorder.sock')
  const inFront = settings.recorded === true ? namespace.path('run', 'docker', 'plugins', 'convoy.sock') : undefined
  const recorder = await PluginRecorder.open(inFront ?? namespace.path('no-recorder.sock'), behind)
  t.teardown(async () => recorder.close())
  const convoy = new ConvoyProcess(namespace, {
    ...convoySettings(settings),
    ...(settings.recorded === true && { pluginSocket: behind }),
  })
  await Promise.all([convoy.start(), engine.start(...(settings.engineFlags ?? []))])
  await engine.prepare()
  return { version, namespace, engine, convoy, recorder }
}

async function openNamespace(t: Test, settings: SuiteSettings): Promise<EngineNamespace> {
  const namespace = await EngineNamespace.open()
  t.teardown(async () => {
    if (!t.passing()) await tellLogs(t, namespace)
    await namespace.close()
  })
  await settings.before?.(namespace)
  return namespace
}

function convoySettings(settings: SuiteSettings): ConvoySettings {
  return settings.convoyFlags === undefined ? {} : { flags: settings.convoyFlags }
}

async function tellLogs(t: Test, namespace: EngineNamespace): Promise<void> {
  for (const name of ['dockerd', 'convoy']) {
    const log = await readFile(namespace.log(name), 'utf8').catch(() => '')
    t.comment(`the end of ${name}'s log:\n${log.split('\n').slice(-40).join('\n')}`)
  }
}
