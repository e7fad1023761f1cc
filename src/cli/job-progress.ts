import { readNumber, readText } from './answer.js'
import { findField } from './control-client.js'
import { describeAmount, type Reach } from './progress-line.js'
import { oneLine } from './terminal.js'

/** A job of the daemon as it is now. */
export function reachOf(job: unknown, atMs: number): Reach {
  return { atMs, label: describeJob(job), ...amountOf(job) }
}

/** "remove db": what the job does, and to which volume. */
export function describeJob(job: unknown): string {
  const request = findField(job, 'request')
  const words = [readText(request, 'kind'), readText(findField(request, 'volume'), 'name')].filter(Boolean)
  return oneLine(words.length === 0 ? `job ${readText(job, 'id')}` : words.join(' '))
}

/** What the table of jobs says about one: "45%", or how much is done. */
export function describeProgress(job: unknown): string {
  const isCounted = readNumber(findField(job, 'progress'), 'done') !== undefined || isWaiting(job)
  return isCounted ? describeAmount(amountOf(job)) : ''
}

const isWaiting = (job: unknown) => readText(findField(job, 'progress'), 'waitsFor') !== ''

function amountOf(job: unknown): Omit<Reach, 'atMs' | 'label'> {
  const progress = findField(job, 'progress')
  const unit = readText(progress, 'unit')
  if (isWaiting(job)) {
    const note = `waits for ${oneLine(readText(progress, 'waitsFor'))}`
    return { done: undefined, total: undefined, unit, note }
  }
  const done = readNumber(progress, 'done')
  const note = done === undefined ? oneLine(readText(job, 'state')) : ''
  return { done, total: readNumber(progress, 'total'), unit, note }
}
