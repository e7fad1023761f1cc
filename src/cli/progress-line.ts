import { formatSize } from '../model/size.js'
import { describeSeconds } from './relative-time.js'
import { cut } from './table.js'

/** How far something had come at some time. */
export interface Reach {
  readonly atMs: number
  /** What it is that goes on, on one line. */
  readonly label: string
  /** Undefined as long as nothing is counted. */
  readonly done: number | undefined
  /** One that is nothing, or less than what is done, is none. */
  readonly total: number | undefined
  /** `bytes` are shown as sizes. */
  readonly unit: string
  /** Said behind the amount; in its place while nothing is counted. */
  readonly note: string
}

const spinner = ['|', '/', '-', '\\']
const widestBar = 40
const narrowestBar = 10

/** One line, at most `columns` wide. The rate is the one since `first`; `turn` turns the spinner. */
export function formatProgress(first: Reach, now: Reach, columns: number, turn: number): string {
  const label = cut(now.label, Math.max(12, Math.floor(columns / 3)), ({ length }) => length)
  const { done, total, unit, note } = now
  if (done === undefined) return `${label} ${spin(turn)} ${note}`.trimEnd().slice(0, columns)
  const amount = counter(unit === 'bytes' ? unit : '')
  const rate = rateOf(first, now)
  const speed = rate === undefined ? '' : `${amount(Math.round(rate))}/s`
  if (!isTotal(total, done)) return fill([`${label} ${spin(turn)} ${counter(unit)(done)}`, note, speed], columns)
  const percent = `${String(Math.floor((done / total) * 100)).padStart(3)}%`
  const left = rate === undefined || rate === 0 ? '' : `${describeSeconds((total - done) / rate)} left`
  const texts = [percent, `${amount(done)} of ${counter(unit)(total)}`, speed, left, note]
  // The bar comes before everything but the percentage.
  const tail = fill(texts, Math.max(percent.length, columns - label.length - narrowestBar - 4))
  const room = Math.min(widestBar, columns - label.length - tail.length - 4)
  const bar = room < narrowestBar ? '' : `[${'='.repeat(Math.floor((done / total) * room)).padEnd(room)}] `
  return `${label} ${bar}${tail}`.slice(0, columns)
}

/** "45%", or how much is done, for a table. */
export function describeAmount({ done, total, unit, note }: Omit<Reach, 'atMs' | 'label'>): string {
  if (done === undefined) return note
  return isTotal(total, done) ? `${Math.floor((done / total) * 100)}%` : counter(unit)(done)
}

const isTotal = (total: number | undefined, done: number): total is number =>
  total !== undefined && total >= done && total > 0

/** As many of the texts as fit, the first ones being the most important. */
function fill(texts: readonly string[], columns: number): string {
  return texts.reduce((line, text) => {
    const longer = text === '' || line === '' ? line + text : `${line}  ${text}`
    return longer.length > columns ? line : longer
  }, '')
}

const spin = (turn: number) => spinner[turn % spinner.length] ?? ''

function counter(unit: string): (count: number) => string {
  return unit === 'bytes' ? formatSize : (count) => `${count} ${unit}`.trim()
}

/** Per second; undefined as long as nothing can be said. */
function rateOf(first: Reach, now: Reach): number | undefined {
  const seconds = (now.atMs - first.atMs) / 1000
  const rate = ((now.done ?? 0) - (first.done ?? 0)) / seconds
  return seconds < 1 || rate < 0 ? undefined : rate
}

/** A stream with a screen behind it. */
export interface ProgressScreen {
  readonly write: (text: string) => void
  readonly columns: () => number | undefined
}

/** The line on a screen that is drawn again and again in its own place. */
export class ProgressLine {
  readonly #screen: ProgressScreen
  #first: Reach | undefined
  #turn = 0
  #isDrawn = false

  constructor(screen: ProgressScreen) {
    this.#screen = screen
  }

  /** What has another label is something else, and its rate is its own. */
  show(now: Reach): void {
    if (this.#first?.label !== now.label) this.#first = now
    const room = this.#room
    this.#screen.write(`\r${formatProgress(this.#first, now, room, this.#turn++).padEnd(room)}`)
    this.#isDrawn = true
  }

  /** Must be called before anything else is written. */
  wipe(): void {
    if (this.#isDrawn) this.#screen.write(`\r${' '.repeat(this.#room)}\r`)
    this.#isDrawn = false
  }

  /** One column stays free, because some terminals begin a new line when the last one is used. */
  get #room(): number {
    return (this.#screen.columns() ?? 1) - 1
  }
}
