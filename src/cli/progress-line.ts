import { formatSize } from '../model/size.js'
import { readNumber, readText } from './answer.js'
import { findField } from './control-client.js'
import { describeSeconds } from './relative-time.js'
import { cut } from './table.js'
import { oneLine } from './terminal.js'

/** A job as it was at some time. */
export interface Sighting {
  readonly job: unknown
  readonly atMs: number
}

const spinner = ['|', '/', '-', '\\']
const widestBar = 40
const narrowestBar = 10

/** One line about a job that runs, at most `columns` wide. The rate is the one since `first`; `turn` turns the spinner. */
export function formatProgress(first: Sighting, now: Sighting, columns: number, turn: number): string {
  const label = cut(describeJob(now.job), Math.max(12, Math.floor(columns / 3)), ({ length }) => length)
  const progress = findField(now.job, 'progress')
  const done = readNumber(progress, 'done')
  const total = readNumber(progress, 'total')
  const waitsFor = oneLine(readText(progress, 'waitsFor'))
  if (waitsFor !== '') return `${label} ${spin(turn)} waits for ${waitsFor}`.slice(0, columns)
  if (done === undefined) return `${label} ${spin(turn)} ${oneLine(readText(now.job, 'state'))}`.slice(0, columns)
  const unit = readText(progress, 'unit')
  const [count, amount] = [counter(unit), counter(unit === 'bytes' ? unit : '')]
  const rate = rateOf(first, now)
  const speed = rate === undefined ? '' : `${amount(Math.round(rate))}/s`
  if (total === undefined || total < done || total === 0) {
    return fill([`${label} ${spin(turn)} ${count(done)}`, speed], columns)
  }
  const percent = `${String(Math.floor((done / total) * 100)).padStart(3)}%`
  const left = rate === undefined || rate === 0 ? '' : `${describeSeconds((total - done) / rate)} left`
  const texts = [percent, `${amount(done)} of ${count(total)}`, speed, left]
  // The bar comes before everything but the percentage.
  const tail = fill(texts, Math.max(percent.length, columns - label.length - narrowestBar - 4))
  const room = Math.min(widestBar, columns - label.length - tail.length - 4)
  const bar = room < narrowestBar ? '' : `[${'='.repeat(Math.floor((done / total) * room)).padEnd(room)}] `
  return `${label} ${bar}${tail}`.slice(0, columns)
}

/** "remove db": what the job does, and to which volume. */
export function describeJob(job: unknown): string {
  const request = findField(job, 'request')
  const words = [readText(request, 'kind'), readText(findField(request, 'volume'), 'name')].filter(Boolean)
  return oneLine(words.length === 0 ? `job ${readText(job, 'id')}` : words.join(' '))
}

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
function rateOf(first: Sighting, now: Sighting): number | undefined {
  const done = ({ job }: Sighting) => readNumber(findField(job, 'progress'), 'done') ?? 0
  const seconds = (now.atMs - first.atMs) / 1000
  const rate = (done(now) - done(first)) / seconds
  return seconds < 1 || rate < 0 ? undefined : rate
}

/** What the table of jobs says about one: "45%", or how much is done. */
export function describeProgress(job: unknown): string {
  const progress = findField(job, 'progress')
  const done = readNumber(progress, 'done')
  const total = readNumber(progress, 'total')
  const waitsFor = readText(progress, 'waitsFor')
  if (waitsFor !== '') return `waits for ${waitsFor}`
  if (done === undefined) return ''
  if (total === undefined || total < done || total === 0) return counter(readText(progress, 'unit'))(done)
  return `${Math.floor((done / total) * 100)}%`
}
