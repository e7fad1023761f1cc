import t from 'tap'
import { readAhead } from '../../../src/repository/format/read-ahead.js'

t.test('so many are read at once, and what they are comes in their order', async (t) => {
  let [running, most] = [0, 0]
  const read = async (number: number) => {
    most = Math.max(most, ++running)
    await new Promise((resolve) => setTimeout(resolve, (7 * number) % 5))
    running--
    return number * 2
  }
  const found: number[] = []
  for (const [number, reading] of readAhead([1, 2, 3, 4, 5, 6, 7], 3, read)) {
    t.equal(await reading, number * 2)
    found.push(number)
  }
  t.strictSame(found, [1, 2, 3, 4, 5, 6, 7])
  t.equal(most, 3)
})

t.test('a failure is seen when its turn comes, and by nobody who has stopped before', async (t) => {
  const read = (number: number) => (number === 2 ? Promise.reject(new Error('two')) : Promise.resolve(number))
  const readings = readAhead([1, 2, 3], 3, read)
  t.equal(await (readings.next().value as [number, Promise<number>])[1], 1)
  await t.rejects((readings.next().value as [number, Promise<number>])[1], { message: 'two' })
  for (const [number, reading] of readAhead([1, 2, 3], 3, read)) if ((await reading) === number) break
})
