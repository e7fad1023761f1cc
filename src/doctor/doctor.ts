import { toConvoyError } from '../errors.js'
import type { Check } from './check.js'
import { quote } from './checks/commands.js'
import type { DaemonAddress } from './daemon-view.js'
import type { Finding } from './finding.js'
import { FailedContainers } from '../host/failed-containers.js'
import { startCommand } from './checks/failed-containers.js'
import { describeExamination, type ExaminationDocument } from './examination-json.js'
import { examine, findingsOf, type Outcome } from './examination.js'
import type { Site } from './site.js'
import type { PackedSupport } from './support.js'

/** What was done about something, and what came of it. */
export interface Deed {
  readonly command: string
  /** Why it did not work. */
  readonly error?: string
}

interface DoctorDeps {
  readonly checks: readonly Check[]
  /** Whom the commands that mend something have to name. */
  readonly which: DaemonAddress
  /** The site as it is now. */
  readonly openSite: () => Site
  readonly pack: (outcomes: readonly Outcome[], target: SupportTarget) => Promise<PackedSupport>
}

export interface SupportTarget {
  /** Absolute. */
  readonly path: string
  readonly existing: 'keep' | 'replace'
}

/** Looks for what is wrong on this host, whether or not the daemon and Docker answer. */
export class Doctor {
  readonly #deps: DoctorDeps

  constructor(deps: DoctorDeps) {
    this.#deps = deps
  }

  /** What is right and what is wrong. Never rejects. */
  async describe(): Promise<ExaminationDocument> {
    return describeExamination(await this.#examine())
  }

  /** Looks, runs what loses nothing, one after the other, and tells of each; or tells what it would run. Never rejects. */
  async mend(mode: 'plan' | 'run', tell: (deed: Deed) => void): Promise<void> {
    for (const { mend } of findingsOf(await this.#examine())) {
      if (mend?.run === undefined) continue
      tell(mode === 'plan' ? { command: mend.command } : await attempt(mend.command, mend.run))
    }
  }

  /**
   * Starts the containers that Docker would have started had a mount not failed, one after the other, and tells of each; or tells
   * what it would start. ConvoyError `unavailable` when Docker cannot be asked.
   */
  async revive(mode: 'plan' | 'run', tell: (deed: Deed) => void): Promise<void> {
    const { daemon, docker } = this.#deps.openSite()
    const failed = new FailedContainers(docker, await daemon.setting('name'))
    for (const container of await failed.list()) {
      const command = startCommand(container.name)
      tell(mode === 'plan' ? { command } : await attempt(command, () => failed.start(container.id)))
    }
  }

  /** Writes an archive for whoever is asked for help. ConvoyError when it cannot be written. */
  async support(target: SupportTarget): Promise<PackedSupport> {
    return this.#deps.pack(await this.#examine(), target)
  }

  async #examine(): Promise<readonly Outcome[]> {
    const { checks, openSite, which } = this.#deps
    const outcomes = await examine(checks, openSite())
    return outcomes.map((outcome) => ({ ...outcome, findings: outcome.findings.map((one) => addressed(one, which)) }))
  }
}

/** With commands that reach the daemon which was looked at. */
function addressed(finding: Finding, { name, socket }: DaemonAddress): Finding {
  const { mend } = finding
  if (mend === undefined) return finding
  const flags = socket !== undefined ? `--socket ${quote(socket)} ` : name !== undefined ? `--name ${quote(name)} ` : ''
  const instance = name === undefined ? '' : `@${name}`
  const command = mend.command
    // Behind a program that starts it, too.
    .replace(/(?<=\bsudo (?:nsenter \S+ )?)convoy /, `convoy ${flags}`)
    .replace(/(?<=\bsystemctl .*)\bconvoy\b/g, `convoy${instance}`)
  return { ...finding, mend: { ...mend, command } }
}

async function attempt(command: string, act: () => unknown): Promise<Deed> {
  try {
    await act()
    return { command }
  } catch (thrown) {
    return { command, error: toConvoyError(thrown).sentence }
  }
}
