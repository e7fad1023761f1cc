import { ConvoyError } from '../errors.js'
import type { Attributes } from '../model/volume.js'

/** A row as SQLite returns it: columns by name, hostile until read through {@link RowReader}. */
export type Row = Readonly<Record<string, unknown>>

/** Reads one row's columns into types; a column of another type means a damaged database. */
export class RowReader {
  readonly #table: string
  readonly #row: Row

  constructor(table: string, row: unknown) {
    this.#table = table
    // better-sqlite3 returns every row as an object keyed by column.
    this.#row = row as Row
  }

  text(column: string): string {
    const value = this.#row[column]
    return typeof value === 'string' ? value : this.#refuse(column)
  }

  optionalText(column: string): string | undefined {
    return this.#row[column] === null ? undefined : this.text(column)
  }

  integer(column: string): number {
    const value = this.#row[column]
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#refuse(column)
  }

  optionalInteger(column: string): number | undefined {
    return this.#row[column] === null ? undefined : this.integer(column)
  }

  word<const Word extends string>(column: string, words: readonly Word[]): Word {
    const value = this.text(column)
    return words.find((word) => word === value) ?? this.#refuse(column)
  }

  optionalWord<const Word extends string>(column: string, words: readonly Word[]): Word | undefined {
    return this.#row[column] === null ? undefined : this.word(column, words)
  }

  /** A JSON object of strings. */
  attributes(column: string): Attributes {
    const value = this.json(column)
    const isAttributes =
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      Object.values(value).every((one) => typeof one === 'string')
    return isAttributes ? (value as Attributes) : this.#refuse(column)
  }

  json(column: string): unknown {
    try {
      return JSON.parse(this.text(column))
    } catch {
      return this.#refuse(column)
    }
  }

  #refuse(column: string): never {
    throw new ConvoyError('unavailable', `the database holds an unreadable ${this.#table} row (column ${column})`)
  }
}
