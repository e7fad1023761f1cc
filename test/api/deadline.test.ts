import { EventEmitter } from 'node:events'
import type { ServerResponse } from 'node:http'
import t from 'tap'
import { Deadline } from '../../src/api/deadline.js'
import type { CallContext } from '../../src/model/call-context.js'
import { QuietLog } from '../fakes/quiet-log.js'
import { FakeTimers } from './fake-timers.js'

const log = new QuietLog()

/** As much of a response as a deadline looks at. */
class FakeResponse extends EventEmitter {
  writableFinished = false
  destroyed = false

  hangUp(): void {
    this.destroyed = true
    this.emit('close')
  }

  asResponse(): ServerResponse {
    // Only the two events and flags above are used.
    return this as unknown as ServerResponse
  }
}

const timeoutMs = 60_000

function begin() {
  const response = new FakeResponse()
  const timers = new FakeTimers()
  const deadline = new Deadline(response.asResponse(), timeoutMs, { log, startTimer: timers.start })
  return { response, timers, deadline }
}

/** An act that ends when the test says so, and does not look at its signal. */
function slowAct() {
  let finish: (value: string) => void = () => undefined
  const ended = new Promise<string>((resolve) => (finish = resolve))
  return { act: () => ended, finish: () => finish('done') }
}

const aborted = (signal: AbortSignal) =>
  new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }))

t.test('what ends in time is answered, and nothing is undone', async (t) => {
  const { response, timers, deadline } = begin()
  const answer = await deadline.run(
    () => Promise.resolve('done'),
    () => Promise.reject(new Error('nothing is to be undone')),
  )
  t.equal(answer, 'done')
  response.writableFinished = true
  response.emit('close')
  t.strictSame(timers.waiting, [], 'no timer is left')
})

t.test('what fails in time fails with its own reason', async (t) => {
  const { deadline } = begin()
  await t.rejects(
    deadline.run(() => Promise.reject(new Error('its own reason'))),
    { message: 'its own reason' },
  )
})

t.test('DK15: what looks at its signal may say itself why it ended', async (t) => {
  const { timers, deadline } = begin()
  const act = ({ signal }: CallContext) =>
    aborted(signal).then(() => Promise.reject(new Error('the share did not answer')))
  const answer = deadline.run(act)
  timers.fire(timeoutMs)
  await t.rejects(answer, { message: 'the share did not answer' })
})

t.test('DK15: what does not end is answered at the deadline, and undone if it succeeds later', async (t) => {
  const { timers, deadline } = begin()
  const { act, finish } = slowAct()
  let undo: (call: CallContext) => void = () => undefined
  const undone = new Promise<CallContext>((resolve) => (undo = resolve))
  const answer = deadline.run(act, async (call) => undo(call))
  timers.fire(timeoutMs)
  timers.fire(1000)
  await t.rejects(answer, { code: 'deadline-exceeded', message: 'no result within 60 s' })
  finish()
  t.equal((await undone).signal.aborted, false, 'undoing has a deadline of its own')
})

t.test('DK15: what succeeds just after the deadline is undone, and not answered as a success', async (t) => {
  const { timers, deadline } = begin()
  let undone = 0
  const answer = deadline.run(
    ({ signal }) => aborted(signal).then(() => 'too late'),
    async () => ++undone,
  )
  timers.fire(timeoutMs)
  await t.rejects(answer, { code: 'deadline-exceeded' })
  t.equal(undone, 1)
})

t.test('what succeeds just after the deadline and cannot be undone is answered as it is', async (t) => {
  const { timers, deadline } = begin()
  const answer = deadline.run(({ signal }) => aborted(signal).then(() => 'done'))
  timers.fire(timeoutMs)
  t.equal(await answer, 'done')
})

t.test('DK15: when the client hangs up the act is told, and its success is undone', async (t) => {
  const { response, deadline } = begin()
  let undone = 0
  const act = async ({ signal }: CallContext) => {
    response.hangUp()
    t.match(signal.reason, { code: 'deadline-exceeded', message: 'the client hung up' })
    return 'done'
  }
  await t.rejects(deadline.run(act, async () => ++undone))
  t.equal(undone, 1)
})

t.test('a client that hung up before the work began is noticed, too', async (t) => {
  const response = new FakeResponse()
  response.hangUp()
  const startTimer = new FakeTimers().start
  const deadline = new Deadline(response.asResponse(), timeoutMs, { log, startTimer })
  let undone = 0
  await t.rejects(
    deadline.run(
      () => Promise.resolve('done'),
      async () => ++undone,
    ),
  )
  t.equal(undone, 1)
})

t.test('undoing that fails is logged and no defect', async (t) => {
  const { timers, deadline } = begin()
  const answer = deadline.run(
    ({ signal }) => aborted(signal).then(() => 'too late'),
    () => Promise.reject(new Error('cannot')),
  )
  timers.fire(timeoutMs)
  await t.rejects(answer, { code: 'deadline-exceeded' })
  t.ok(log.has('could not undo what nobody waited for'))
})

t.test('a failure after the answer is nobody’s business, and no unhandled rejection', async (t) => {
  const { timers, deadline } = begin()
  let fail: (error: Error) => void = () => undefined
  const ended = new Promise<never>((_resolve, reject) => (fail = reject))
  const answer = deadline.run(() => ended)
  timers.fire(timeoutMs)
  timers.fire(1000)
  await t.rejects(answer, { code: 'deadline-exceeded' })
  fail(new Error('later'))
  await new Promise(setImmediate)
})
