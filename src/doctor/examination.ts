import { toConvoyError } from '../errors.js'
import { within } from '../host/clock.js'
import type { Check, Need } from './check.js'
import type { Finding, Severity } from './finding.js'
import type { Site } from './site.js'

/** Longer than anything that a check asks may take. */
const deadlineMs = 60_000

/** What came of one check. */
export interface Outcome {
  readonly check: string
  /** What is right when there are no findings. */
  readonly sound: string
  readonly findings: readonly Finding[]
  /** Why it was not looked at. */
  readonly skipped?: string
}

/** Makes all checks at once. Never rejects, and ends whatever hangs. */
export function examine(checks: readonly Check[], site: Site, timeoutMs = deadlineMs): Promise<readonly Outcome[]> {
  return Promise.all(checks.map((check) => runCheck(check, site, timeoutMs)))
}

async function runCheck(check: Check, site: Site, timeoutMs: number): Promise<Outcome> {
  const { name, sound, needs, look } = check
  try {
    const skipped = await within(timeoutMs, whyNot(needs, site))
    if (skipped !== undefined) return { check: name, sound, findings: [], skipped }
    return { check: name, sound, findings: await within(timeoutMs, look(site)) }
  } catch (thrown) {
    return { check: name, sound, findings: [blind(sound, thrown)] }
  }
}

async function whyNot(needs: readonly Need[], { daemon, docker }: Site): Promise<string | undefined> {
  const answers = {
    daemon: () =>
      daemon.get('/v1/info').then(
        () => undefined,
        () => 'the daemon does not answer',
      ),
    docker: () =>
      docker.facts().then(
        () => undefined,
        () => 'Docker does not answer',
      ),
  } satisfies Record<Need, () => Promise<string | undefined>>
  const reasons = await Promise.all(needs.map((need) => answers[need]()))
  return reasons.find((reason) => reason !== undefined)
}

function blind(sound: string, thrown: unknown): Finding {
  return {
    severity: 'warning',
    what: `could not look whether ${sound}: ${toConvoyError(thrown).sentence}`,
    why: 'something may be wrong there, and nobody knows',
    mend: { command: 'sudo convoy doctor' },
  }
}

export interface CheckFinding extends Finding {
  readonly check: string
}

/** All findings, the worst first. */
export function findingsOf(outcomes: readonly Outcome[]): readonly CheckFinding[] {
  const all = outcomes.flatMap(({ check, findings }) => findings.map((finding) => ({ check, ...finding })))
  return all.sort((one, other) => ranks[one.severity] - ranks[other.severity])
}

const ranks = { error: 0, warning: 1, notice: 2 } as const satisfies Record<Severity, number>
