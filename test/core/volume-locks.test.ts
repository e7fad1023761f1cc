import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import { VolumeLocks } from '../../src/core/volume-locks.js'
import { named } from '../fakes/world.js'

const db = named('db')
const patient = () => new AbortController().signal

/** A promise and how to keep it. */
function gate() {
  let open: () => void = () => undefined
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { open, opened }
}

t.test('operations on one volume run one at a time, in the order they came', async (t) => {
  const locks = new VolumeLocks()
  const order: string[] = []
  const first = gate()
  const operations = [
    locks.run(db, patient(), async () => {
      order.push('first begins')
      await first.opened
      order.push('first ends')
    }),
    ...['second', 'third', 'fourth'].map((name) => locks.run(db, patient(), async () => void order.push(name))),
  ]
  await turn()
  t.same(order, ['first begins'])
  first.open()
  await Promise.all(operations)
  t.same(order, ['first begins', 'first ends', 'second', 'third', 'fourth'])
})

t.test('operations on different volumes do not wait for each other', async (t) => {
  const locks = new VolumeLocks()
  const stuck = gate()
  const waiting = locks.run(db, patient(), () => stuck.opened)
  t.equal(await locks.run(named('vol10'), patient(), async () => 'done'), 'done')
  t.equal(await locks.run(named('vol1'), patient(), async () => 'done'), 'done')
  stuck.open()
  await waiting
})

t.test('the result and the failure of an operation reach its caller, and the next one runs', async (t) => {
  const locks = new VolumeLocks()
  const failing = locks.run(db, patient(), () => Promise.reject(new Error('broken')))
  const next = locks.run(db, patient(), async () => 7)
  await t.rejects(failing, { message: 'broken' })
  t.equal(await next, 7)
})

t.test('whoever gives up while waiting is told that the volume is busy, and does not act', async (t) => {
  const locks = new VolumeLocks()
  const first = gate()
  const holding = locks.run(db, patient(), () => first.opened)
  const caller = new AbortController()
  let hasActed = false
  const given = locks.run(db, caller.signal, async () => void (hasActed = true))
  caller.abort()
  await t.rejects(given, { code: 'deadline-exceeded', message: /"db" is busy/ })
  first.open()
  await holding
  await turn()
  t.notOk(hasActed)
})

t.test('one that gave up in the middle of the queue lets nobody in before their turn', async (t) => {
  const locks = new VolumeLocks()
  const first = gate()
  const order: string[] = []
  const holding = locks.run(db, patient(), () => first.opened.then(() => void order.push('first')))
  const caller = new AbortController()
  const given = locks.run(db, caller.signal, async () => void order.push('second'))
  const third = locks.run(db, patient(), async () => void order.push('third'))
  caller.abort()
  await t.rejects(given, { code: 'deadline-exceeded' })
  await turn()
  t.same(order, [], 'the third still waits for the first')
  first.open()
  await Promise.all([holding, third])
  t.same(order, ['first', 'third'])
})

t.test('a signal that is aborted already does not wait, and the queue goes on', async (t) => {
  const locks = new VolumeLocks()
  const first = gate()
  const holding = locks.run(db, patient(), () => first.opened)
  await t.rejects(
    locks.run(db, AbortSignal.abort(), async () => 1),
    { code: 'deadline-exceeded' },
  )
  const third = locks.run(db, patient(), async () => 3)
  first.open()
  await holding
  t.equal(await third, 3)
})

t.test('DK27 a queue of 20,000 operations is worked off in order', async (t) => {
  const locks = new VolumeLocks()
  const order: number[] = []
  const numbers = Array.from({ length: 20_000 }, (_, number) => number)
  await Promise.all(numbers.map((number) => locks.run(db, patient(), async () => void order.push(number))))
  t.same(order, numbers)
})

t.test('a volume is busy from the first operation to the end of the last, and is forgotten then', async (t) => {
  const locks = new VolumeLocks()
  t.notOk(locks.isBusy(db))
  const [first, second] = [gate(), gate()]
  const one = locks.run(db, patient(), () => first.opened)
  const other = locks.run(db, patient(), () => second.opened)
  t.ok(locks.isBusy(db))
  first.open()
  await one
  await turn()
  t.ok(locks.isBusy(db))
  second.open()
  await other
  await turn()
  t.notOk(locks.isBusy(db))
})

t.test('a volume stays busy while somebody who gave up stands behind an operation', async (t) => {
  const locks = new VolumeLocks()
  const first = gate()
  const holding = locks.run(db, patient(), () => first.opened)
  await t.rejects(locks.run(db, AbortSignal.abort(), async () => 1))
  t.ok(locks.isBusy(db))
  first.open()
  await holding
  await turn()
  t.notOk(locks.isBusy(db))
})

t.test('whoever comes and gives up, two operations never overlap and each that stays runs once', async (t) => {
  const property = fc.asyncProperty(
    fc.array(fc.record({ givesUp: fc.boolean(), fails: fc.boolean(), turns: fc.nat(3) }), { maxLength: 30 }),
    async (callers) => {
      const locks = new VolumeLocks()
      let inside = 0
      const ran: number[] = []
      const runs = callers.map(async ({ givesUp, fails, turns }, index) => {
        const caller = new AbortController()
        const run = locks.run(db, caller.signal, async () => {
          assert.equal(inside++, 0)
          ran.push(index)
          for (let count = 0; count < turns; count++) await turn()
          inside--
          if (fails) throw new Error('fails')
        })
        if (givesUp) caller.abort()
        await run.catch(() => undefined)
      })
      await Promise.all(runs)
      await turn()
      assert.deepEqual(
        ran,
        [...ran].sort((a, b) => a - b),
      )
      for (const [index, { givesUp }] of callers.entries()) {
        if (!givesUp || index === 0) assert.equal(ran.filter((one) => one === index).length, 1)
      }
      assert.equal(locks.isBusy(db), false)
    },
  )
  await t.resolves(fc.assert(property, { numRuns: 200 }))
})
