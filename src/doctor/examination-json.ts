import { findingsOf, type Outcome } from './examination.js'

/** What `convoy doctor --json` prints. */
export function describeExamination(outcomes: readonly Outcome[]) {
  return {
    checks: outcomes.map(({ check, sound, findings, skipped }) => ({
      check,
      sound,
      state: skipped !== undefined ? 'skipped' : findings.length === 0 ? 'ok' : 'found',
      ...(skipped === undefined ? {} : { reason: skipped }),
    })),
    findings: findingsOf(outcomes).map(({ check, severity, what, why, mend }) => ({
      ...{ check, severity, what, why },
      ...(mend === undefined ? {} : { mend: { command: mend.command, isSafe: mend.run !== undefined } }),
    })),
  }
}

export type ExaminationDocument = ReturnType<typeof describeExamination>
