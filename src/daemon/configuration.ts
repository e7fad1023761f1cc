import { toConvoyError } from '../errors.js'
import type { Logger } from '../model/call-context.js'
import type { ConfigReport, ConfiguredOption } from '../model/config-report.js'
import { optional } from '../model/optional.js'
import type { DaemonConfig } from './config.js'
import { allDaemonOptions } from './daemon-options.js'

interface ConfigurationDeps {
  /** Reads all sources again; ConvoyError when they are wrong. */
  readonly load: () => Promise<DaemonConfig>
  readonly log: Logger
}

/** The configuration that holds now, and how a running daemon takes the next one. */
export class Configuration {
  readonly #deps: ConfigurationDeps
  readonly #listeners: ((config: DaemonConfig) => void)[] = []
  #current: DaemonConfig
  #needsRestart: readonly string[] = []
  #reloading: Promise<void> = Promise.resolve()

  constructor(config: DaemonConfig, deps: ConfigurationDeps) {
    this.#current = config
    this.#deps = deps
  }

  get current(): DaemonConfig {
    return this.#current
  }

  get report(): ConfigReport {
    return reportOf(this.#current, this.#needsRestart)
  }

  /** Calls the listener after every reload that changed something for it. */
  onChange(listener: (config: DaemonConfig) => void): void {
    this.#listeners.push(listener)
  }

  /** Takes what can change without a restart, and logs what cannot. A configuration that is wrong changes nothing. Never rejects. */
  reload(): Promise<void> {
    this.#reloading = this.#reloading.then(() => this.#reload())
    return this.#reloading
  }

  async #reload(): Promise<void> {
    const { load, log } = this.#deps
    try {
      this.#take(await load())
    } catch (thrown) {
      log.error({ reason: toConvoyError(thrown).sentence }, 'the configuration is wrong: the one from before holds')
    }
  }

  #take(next: DaemonConfig): void {
    const { log } = this.#deps
    const before = this.#current
    this.#current = merge(before, next)
    this.#needsRestart = differing(before.settings, next.settings).filter((name) => !isReloadable(name))
    const changed = differing(before.settings, this.#current.settings)
    const profiles = [...next.profiles.keys()]
    log.info({ file: next.file, changed, profiles }, 'the configuration was read again')
    for (const warning of next.warnings) log.warn({ warning }, 'the configuration looks wrong')
    if (this.#needsRestart.length > 0) {
      log.warn({ options: this.#needsRestart }, 'these options have changed, which needs a restart')
    }
    for (const listener of this.#listeners) listener(this.#current)
  }
}

/** The configuration as it is shown. */
export function reportOf(config: DaemonConfig, needsRestart: readonly string[]): ConfigReport {
  const { file, settings, profiles, warnings } = config
  const shown = { options: settings, profiles: Object.fromEntries(profiles), warnings, needsRestart }
  return { ...optional('file', file), ...shown }
}

const isOfTarget = ({ name }: Pick<ConfiguredOption, 'name'>) => name.startsWith('notify.')

const isReloadable = (name: string) =>
  isOfTarget({ name }) || (Object.hasOwn(allDaemonOptions, name) && allDaemonOptions[name]?.isReloadable === true)

/** What is not reloadable stays as it is. */
function merge(before: DaemonConfig, next: DaemonConfig): DaemonConfig {
  const fixed = before.settings.filter((one) => !isOfTarget(one))
  const taken = new Map(next.settings.map((setting) => [setting.name, setting]))
  return {
    ...before,
    onDockerRemove: next.onDockerRemove,
    trashRetentionMs: next.trashRetentionMs,
    mostRunningJobs: next.mostRunningJobs,
    reviveContainers: next.reviveContainers,
    eventRetention: next.eventRetention,
    createOnDockerMount: next.createOnDockerMount,
    mountDeadlineMs: next.mountDeadlineMs,
    logLevel: next.logLevel,
    profiles: next.profiles,
    notify: next.notify,
    file: next.file,
    settings: [
      ...fixed.map((one) => (isReloadable(one.name) ? (taken.get(one.name) ?? one) : one)),
      ...next.settings.filter(isOfTarget),
    ],
    warnings: next.warnings,
  }
}

function differing(before: readonly ConfiguredOption[], after: readonly ConfiguredOption[]): readonly string[] {
  const valueOf = (settings: readonly ConfiguredOption[], name: string) =>
    settings.find((setting) => setting.name === name)?.value
  const names = new Set([...before, ...after].map(({ name }) => name))
  return [...names].filter((name) => valueOf(before, name) !== valueOf(after, name))
}
