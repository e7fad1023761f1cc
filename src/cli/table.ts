import { paint, type Colour } from './colour.js'

export interface TableColumn {
  readonly heading: string
  /** On a narrow screen it may become this narrow; without it, it is never cut. */
  readonly least?: number
  /** What goes first when the screen is too narrow has the smallest; without it, it stays. */
  readonly importance?: number
  readonly colourOf?: (text: string) => Colour | undefined
}

export interface Screen {
  /** Undefined: as wide as it takes, and nothing is cut. */
  readonly columns: number | undefined
  readonly hasColour: boolean
}

type Measure = (text: string) => number

const gap = 2

/** Lines of aligned columns. Cells are one line of printable text each. */
export async function formatTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  screen: Screen,
): Promise<string> {
  const all = [columns.map(({ heading }) => heading), ...rows]
  const measure = await measureOf(all)
  const widest = columns.map((_, at) => all.reduce((most, cells) => Math.max(most, measure(cells[at] ?? '')), 0))
  const widths = screen.columns === undefined ? widest : fit(columns, widest, screen.columns)
  const shown = columns.flatMap((column, at) => {
    const width = widths[at] ?? 0
    return width === 0 ? [] : [{ column, at, width }]
  })
  const lines = all.map((cells, index) => {
    const texts = shown.map(({ column, at, width }, place) => {
      const text = cut(cells[at] ?? '', width, measure)
      const colour = screen.hasColour && index > 0 ? column.colourOf?.(text) : undefined
      const padding = place === shown.length - 1 ? 0 : width - measure(text) + gap
      return paint(text, colour) + ' '.repeat(padding)
    })
    return `${texts.join('').trimEnd()}\n`
  })
  return lines.join('')
}

/** Columns that a character takes; only text beyond ASCII needs the table of them, which takes time to load. */
async function measureOf(all: readonly (readonly string[])[]): Promise<Measure> {
  const isPlain = (text: string) => /^[\u0020-\u007e]*$/.test(text)
  if (all.every((cells) => cells.every(isPlain))) return ({ length }) => length
  const { default: stringWidth } = await import('string-width')
  return (text) => (isPlain(text) ? text.length : stringWidth(text))
}

/** How wide each column may be, 0 for one that has no room. */
function fit(columns: readonly TableColumn[], widest: readonly number[], room: number): readonly number[] {
  const widths = [...widest]
  const least = (at: number) => Math.min(widths[at] ?? 0, columns[at]?.least ?? Infinity)
  const sum = (width: (at: number) => number) => {
    const kept = widths.flatMap((own, at) => (own === 0 ? [] : [width(at)]))
    return kept.reduce((total, own) => total + own + gap, -gap)
  }
  const byImportance = columns
    .flatMap(({ importance }, at) => (importance === undefined ? [] : [{ at, importance }]))
    .sort((a, b) => a.importance - b.importance)
  for (const { at } of byImportance) if (sum(least) > room) widths[at] = 0
  for (let excess = sum((at) => widths[at] ?? 0) - room; excess > 0; excess--) {
    const [widestNow] = columns
      .flatMap((column, at) => (column.least !== undefined && (widths[at] ?? 0) > column.least ? [at] : []))
      .sort((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))
    if (widestNow === undefined) break
    widths[widestNow] = (widths[widestNow] ?? 0) - 1
  }
  return widths
}

/** The text, or as much of it as fits, and an ellipsis. */
export function cut(text: string, width: number, measure: Measure): string {
  if (measure(text) <= width) return text
  let kept = ''
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (measure(kept + segment) >= width) break
    kept += segment
  }
  return `${kept}…`
}
