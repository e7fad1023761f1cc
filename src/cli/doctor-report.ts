import type { ExaminationDocument } from '../doctor/examination-json.js'
import { type Colour, paint } from './colour.js'
import { oneLine, type Terminal } from './terminal.js'
import { wrap } from './wrap.js'

type Finding = ExaminationDocument['findings'][number]
type Severity = Finding['severity']

const colours = { error: 'red', warning: 'yellow', notice: undefined } as const satisfies Record<
  Severity,
  Colour | undefined
>
const margin = 'warning  '.length
const usualColumns = 80

/** Prints what was found for people; `checks` are told one by one where somebody wants to know them all. */
export function printExamination(terminal: Terminal, found: ExaminationDocument, isVerbose: boolean): void {
  const width = (terminal.columns?.() ?? usualColumns) - margin
  const colourOf = (severity: Severity) => (terminal.hasColour?.() === true ? colours[severity] : undefined)
  const lines = [
    ...found.findings.flatMap((finding) => describe(finding, width, colourOf(finding.severity))),
    ...(isVerbose ? describeChecks(found, width) : []),
    ...describeSkipped(found, width),
    ...wrap(summary(found), width + margin),
  ]
  terminal.out(lines.map((line) => `${line}\n`).join(''))
}

/** 2 when something does not work, 1 when something will not, 0 when all is well. */
export function exitCodeOf({ findings }: ExaminationDocument): number {
  if (findings.some(({ severity }) => severity === 'error')) return 2
  return findings.some(({ severity }) => severity === 'warning') ? 1 : 0
}

function describe({ check, severity, what, why, mend }: Finding, width: number, colour?: Colour): readonly string[] {
  const [first = '', ...others] = wrap(`${check}: ${oneLine(what)}`, width)
  const indented = [...others, ...wrap(oneLine(why), width)]
  // A command stays on one line, however long, so that it can be copied.
  const command = mend === undefined ? [] : [`$ ${oneLine(mend.command)}`]
  return [
    paint(severity, colour) + ' '.repeat(margin - severity.length) + first,
    ...[...indented, ...command].map((line) => ' '.repeat(margin) + line),
    '',
  ]
}

function describeChecks({ checks }: ExaminationDocument, width: number): readonly string[] {
  const sound = checks.filter(({ state }) => state === 'ok')
  return sound.flatMap((one) => {
    const [first = '', ...others] = wrap(`${one.check}: ${one.sound}`, width)
    return [`ok       ${first}`, ...others.map((line) => ' '.repeat(margin) + line)]
  })
}

function describeSkipped({ checks }: ExaminationDocument, width: number): readonly string[] {
  const reasons = new Map<string, string[]>()
  for (const { check, reason } of checks) {
    if (reason !== undefined) reasons.set(reason, [...(reasons.get(reason) ?? []), check])
  }
  return [...reasons].flatMap(([reason, names]) => wrap(`not looked at, because ${reason}: ${names.join(', ')}`, width))
}

function summary({ checks, findings }: ExaminationDocument): string {
  const sound = checks.filter(({ state }) => state === 'ok').length
  const counts = (['error', 'warning', 'notice'] as const).flatMap((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length
    return count === 0 ? [] : [`${count} ${severity}${count === 1 ? '' : 's'}`]
  })
  const what = counts.length === 0 ? 'nothing is wrong' : counts.join(', ')
  return `${what}; ${sound} of ${checks.length} checks found nothing`
}
