import { type Command, Option } from 'commander'
import { ConvoyError } from '../errors.js'
import { oneLine, printLine, type Terminal } from './terminal.js'
import { formatTable, type TableColumn } from './table.js'
import { parseTemplate, type Piece, plain, renderTemplate, type Row } from './template.js'

export interface ListingColumn extends TableColumn {
  /** The field that it shows. */
  readonly field: string
}

/** What a command can list. */
export interface Listing {
  readonly columns: readonly ListingColumn[]
  /** All fields, also those that the table does not show. */
  readonly fields: readonly string[]
  /** What `--quiet` prints. */
  readonly key: string
}

export interface ListingFlags {
  readonly format?: string
  readonly quiet?: boolean
  /** `--no-trunc` makes it false. */
  readonly trunc?: boolean
}

/** Prints the rows as the flags asked. */
export type PrintRows = (rows: readonly Row[]) => Promise<void>

export function addListingFlags(command: Command): Command {
  return command
    .addOption(
      new Option('--format <FORMAT>', 'table, json (a line for each), or a template: {{.Name}}, table {{.Name}}'),
    )
    .option('--no-trunc', 'cut nothing, however narrow the terminal')
}

export const quietFlag = ['-q, --quiet', 'only what names them'] as const

/** Refuses what cannot be printed before the daemon is asked for anything. */
export function choosePrinter(listing: Listing, flags: ListingFlags, terminal: Terminal): PrintRows {
  const { format = 'table', quiet, trunc } = flags
  const printTable = (columns: readonly TableColumn[], cells: (row: Row) => readonly string[]): PrintRows => {
    return async (rows) => {
      const screen = {
        columns: trunc === false ? undefined : terminal.columns?.(),
        hasColour: terminal.hasColour?.() ?? false,
      }
      terminal.out(await formatTable(columns, rows.map(cells), screen))
    }
  }
  if (quiet === true) return printEach(terminal, (row) => oneLine(plain(row[listing.key])))
  if (format === 'json') return printEach(terminal, (row) => JSON.stringify(row))
  if (format === 'table') {
    const { columns } = listing
    return printTable(columns, (row) => columns.map(({ field }) => oneLine(plain(row[field]))))
  }
  const [, isTable, template = ''] = /^(table\s+)?(.*)$/s.exec(format) ?? []
  if (!template.includes('{{')) throw unknownFormat(format)
  const pieces = parseTemplate(template, listing.fields)
  if (isTable === undefined) return printEach(terminal, (row) => renderTemplate(pieces, row))
  const columns = splitAtTabs(pieces)
  const headed = columns.map((column) => ({ heading: headingOf(column, listing), least: 8 }))
  return printTable(headed, (row) => columns.map((column) => renderTemplate(column, row)))
}

function printEach(terminal: Terminal, describe: (row: Row) => string): PrintRows {
  return (rows) => {
    if (rows.length > 0) printLine(terminal, rows.map(describe).join('\n'))
    return Promise.resolve()
  }
}

function unknownFormat(format: string): ConvoyError {
  return new ConvoyError('invalid-argument', `unknown format ${JSON.stringify(format.slice(0, 60))}`, {
    hint: 'use table, json, or a template such as "{{.Name}}" or "table {{.Name}}\\t{{.Driver}}"',
  })
}

function splitAtTabs(pieces: readonly Piece[]): readonly (readonly Piece[])[] {
  const columns: Piece[][] = [[]]
  for (const piece of pieces) {
    const [first = '', ...others] = typeof piece === 'string' ? piece.split('\t') : [piece]
    columns.at(-1)?.push(first)
    for (const other of others) columns.push([other])
  }
  return columns
}

function headingOf(pieces: readonly Piece[], { columns }: Listing): string {
  const headings = pieces.map((piece) => {
    if (typeof piece === 'string') return piece
    const [field = ''] = piece.path
    return columns.find((column) => column.field === field)?.heading ?? (piece.path.at(-1) ?? '').toUpperCase()
  })
  return headings.join('')
}
