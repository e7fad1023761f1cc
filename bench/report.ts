import { readFile, writeFile } from 'node:fs/promises'

/** One figure of the issue and what came out. */
export interface Verdict {
  readonly figure: string
  readonly measured: string
  readonly isMet: boolean
}

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What a benchmark found. */
export interface Findings {
  /** How it was measured, in a sentence or two. */
  readonly method: string
  readonly tables: readonly Table[]
  readonly verdicts: readonly Verdict[]
  /** What the tables do not say. */
  readonly notes?: readonly string[]
}

const digits = (value: number): number => (value < 10 ? 2 : value < 100 ? 1 : 0)

/** Two or three figures: what the clock and the noise allow. */
export function formatMs(value: number): string {
  return Number.isNaN(value) ? '–' : value.toFixed(digits(value))
}

/** `0.21 / 0.38`: the median and the 99th percentile. */
export function formatPair({ p50, p99 }: { readonly p50: number; readonly p99: number }): string {
  return `${formatMs(p50)} / ${formatMs(p99)}`
}

export function formatMiB(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1)
}

export function isAtMost(figure: string, value: number, limit: number, unit: string): Verdict {
  return { figure, measured: `${formatMs(value)} ${unit}`, isMet: value <= limit }
}

export function formatTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(columns), line(columns.map(() => '---')), ...rows.map(line)].join('\n')
}

function formatVerdicts(verdicts: readonly Verdict[]): string {
  const rows = verdicts.map(({ figure, measured, isMet }) => [figure, measured, isMet ? 'met' : '**missed**'])
  return formatTable({ columns: ['Figure of the issue', 'Measured', ''], rows })
}

export function formatFindings(findings: Findings, circumstances: string): string {
  const { method, tables, verdicts, notes = [] } = findings
  const parts = [method, ...tables.map(formatTable), formatVerdicts(verdicts), ...notes, circumstances]
  return `${parts.join('\n\n')}\n`
}

/** The results file: a head and one section a benchmark; a run of some benchmarks replaces only theirs. */
export class ResultsFile {
  readonly #path: string
  readonly #sections = new Map<string, string>()

  private constructor(path: string) {
    this.#path = path
  }

  static async open(path: string): Promise<ResultsFile> {
    const file = new ResultsFile(path)
    const text = await readFile(path, 'utf8').catch(() => '')
    const [, ...sections] = text.split(/^## /m)
    for (const section of sections) {
      const end = section.indexOf('\n')
      file.put(section.slice(0, end), section.slice(end).trim())
    }
    return file
  }

  put(heading: string, body: string): void {
    this.#sections.set(heading, body.trim())
  }

  /** Sections in the order of `headings`; others are dropped. */
  async write(head: string, headings: readonly string[]): Promise<void> {
    const sections = headings.flatMap((heading) => {
      const body = this.#sections.get(heading)
      return body === undefined ? [] : [`## ${heading}\n\n${body}\n`]
    })
    await writeFile(this.#path, `${head.trim()}\n\n${sections.join('\n')}`)
  }
}
