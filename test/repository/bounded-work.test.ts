import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { BoundedWork } from '../../src/repository/bounded-work.js'

/** Tasks that end when the test says so. */
function tasks() {
  const ends: { readonly succeed: () => void; readonly fail: (thrown: Error) => void }[] = []
  const task = () => new Promise<void>((resolve, reject) => void ends.push({ succeed: resolve, fail: reject }))
  return { ends, task }
}

const turns = async () => {
  for (let turn = 0; turn < 10; turn += 1) await Promise.resolve()
}

t.test('only so many bytes and so many tasks are under way', async (t) => {
  const { ends, task } = tasks()
  const work = new BoundedWork({ bytes: 10, tasks: 2 }, new AbortController().signal)
  await work.start(4, task)
  await work.start(4, task)
  const third = work.start(1, task)
  await turns()
  t.equal(ends.length, 2, 'too many')
  ends[0]?.succeed()
  await third
  const fourth = work.start(6, task)
  await turns()
  t.equal(ends.length, 3, 'too large')
  ends[1]?.succeed()
  await fourth
  ends[2]?.succeed()
  ends[3]?.succeed()
  await work.finish()
})

t.test('what is larger than the limit goes alone', async (t) => {
  const { ends, task } = tasks()
  const work = new BoundedWork({ bytes: 10, tasks: 2 }, new AbortController().signal)
  await work.start(1, task)
  const large = work.start(100, task)
  await turns()
  t.equal(ends.length, 1)
  ends[0]?.succeed()
  await large
  ends[1]?.succeed()
  await work.finish()
})

t.test('after a failure nothing more is started, and what is under way is waited for', async (t) => {
  const { ends, task } = tasks()
  const work = new BoundedWork({ bytes: 10, tasks: 2 }, new AbortController().signal)
  await work.start(1, task)
  await work.start(1, task)
  const third = work.start(1, task)
  ends[0]?.fail(new ConvoyError('unavailable', 'first'))
  await t.rejects(third, { message: 'first' })
  await t.rejects(work.start(1, task), { message: 'first' })
  let isSettled = false
  const settled = work.settle().then(() => (isSettled = true))
  await turns()
  t.notOk(isSettled)
  ends[1]?.fail(new ConvoyError('unavailable', 'second'))
  await settled
  await t.rejects(work.finish(), { message: 'first' })
  t.equal(ends.length, 2)
})

t.test('nothing is started any more once the signal has aborted', async (t) => {
  const stop = new AbortController()
  const work = new BoundedWork({ bytes: 10, tasks: 2 }, stop.signal)
  stop.abort()
  await t.rejects(
    work.start(1, () => Promise.resolve()),
    { code: 'deadline-exceeded' },
  )
})
