import t from 'tap'
import { describeProgress, reachOf } from '../../src/cli/job-progress.js'
import { formatProgress, ProgressLine, type Reach } from '../../src/cli/progress-line.js'

const job = (progress?: object) => ({
  id: 'j1',
  state: 'running',
  request: { kind: 'remove', volume: { name: 'db' } },
  progress,
})
const line = (progress: object | undefined, columns = 80, firstDone = 0) =>
  formatProgress(reachOf(job({ done: firstDone, unit: 'entries' }), 0), reachOf(job(progress), 10_000), columns, 1)

t.test('with a total there is a bar, a rate and the time that is left', async (t) => {
  const text = line({ done: 500, total: 1000, unit: 'entries' })
  t.match(text, /^remove db \[(=+)( +)\] {2}50% {2}500 of 1000 entries {2}50\/s/)
  const [, full = '', empty = ''] = /\[(=*)( *)\]/.exec(text) ?? []
  t.ok(Math.abs(full.length - empty.length) <= 1, 'half of it is full')
  t.match(line({ done: 500, total: 1000, unit: 'entries' }, 120), /10 seconds left$/)
})

t.test('the rate is that since the wait began, not since the job did', async (t) => {
  t.match(line({ done: 500, total: 1000, unit: 'entries' }, 120, 400), / 10\/s {2}50 seconds left$/)
})

t.test('without a total something turns, and bytes are told as sizes', async (t) => {
  t.equal(line({ done: 3 * 1024 * 1024, unit: 'bytes' }), 'remove db / 3 MiB  307.2 KiB/s')
  t.equal(line(undefined), 'remove db / running')
})

t.test('a total that is too small or nothing is none', async (t) => {
  t.match(line({ done: 5, total: 4, unit: 'entries' }), 'remove db / 5 entries')
  t.match(line({ done: 0, total: 0, unit: 'entries' }), 'remove db / 0 entries')
})

t.test('a line is never wider than it may be', async (t) => {
  for (let columns = 10; columns <= 140; columns++)
    for (const progress of [undefined, { done: 1, unit: 'bytes' }, { done: 999, total: 1000, unit: 'entries' }])
      t.ok(line(progress, columns).length <= columns, `${columns}: ${line(progress, columns)}`)
})

t.test('nothing is said of a rate in the first second, nor of one that runs backwards', async (t) => {
  const first = reachOf(job({ done: 100, unit: 'entries' }), 0)
  const early = formatProgress(first, reachOf(job({ done: 200, unit: 'entries' }), 900), 80, 0)
  const back = formatProgress(first, reachOf(job({ done: 50, unit: 'entries' }), 9000), 80, 0)
  t.notMatch(early + back, '/s')
})

t.test('the table shows a percentage, or how much is done', async (t) => {
  t.equal(describeProgress(job({ done: 1, total: 3, unit: 'entries' })), '33%')
  t.equal(describeProgress(job({ done: 7, unit: 'entries' })), '7 entries')
  t.equal(describeProgress(job({ done: 7, unit: 'entries', waitsFor: 'the end' })), 'waits for the end')
  t.equal(describeProgress(job()), '')
})

const copied = (done: number, atMs: number, more: Partial<Reach> = {}): Reach => ({
  ...{ atMs, label: 'backing up db', done, total: 4 * 1024 ** 2, unit: 'bytes', note: '7 files' },
  ...more,
})

t.test('what is told besides the amount comes last, and goes first when there is no room', async (t) => {
  const [first, now] = [copied(0, 0), copied(1024 ** 2, 1000)]
  t.match(formatProgress(first, now, 120, 0), / 25% {2}1 MiB of 4 MiB {2}1 MiB\/s {2}3 seconds left {2}7 files$/)
  t.notMatch(formatProgress(first, now, 48, 0), /files/)
  t.equal(
    formatProgress(first, copied(1024, 1000, { total: undefined }), 70, 0),
    'backing up db | 1 KiB  7 files  1 KiB/s',
  )
})

t.test('a line is drawn in its own place and wiped away; what has another label has a rate of its own', async (t) => {
  const written: string[] = []
  const line = new ProgressLine({ write: (text) => void written.push(text), columns: () => 100 })
  line.wipe()
  t.same(written, [], 'nothing was drawn')
  line.show(copied(0, 0))
  line.show(copied(1024 ** 2, 2000))
  t.match(written[1], /^\rbacking up db .* 512 KiB\/s/)
  line.show(copied(1024 ** 2, 4000, { label: 'checking' }))
  t.notMatch(written[2], '/s')
  line.wipe()
  line.wipe()
  t.same(written.slice(3), [`\r${' '.repeat(99)}\r`])
  t.ok(written.every(({ length }) => length <= 101))
})
