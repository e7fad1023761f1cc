import t from 'tap'
import { planMemory } from '../../../src/repository/backup/backup-memory.js'

const mebibyte = 1024 * 1024

t.test('there is a thread for each processor, and packs of full size', async (t) => {
  t.match(planMemory(2, undefined), { threads: 2, packTargetBytes: 32 * mebibyte })
  t.match(planMemory(64, undefined), { threads: 8 })
})

t.test('with less memory packs become smaller, and then threads fewer', async (t) => {
  t.match(planMemory(2, 350 * mebibyte), { threads: 2, packTargetBytes: 32 * mebibyte })
  t.match(planMemory(2, 260 * mebibyte), { threads: 2, packTargetBytes: 16 * mebibyte })
  t.match(planMemory(8, 300 * mebibyte), { threads: 4, packTargetBytes: 4 * mebibyte })
  t.match(planMemory(8, 1), { threads: 1, packTargetBytes: 4 * mebibyte })
})

t.test(
  'whatever the limit, there are two packs for each thread: one is filled while the other is stored',
  async (t) => {
    for (const limit of [1, 200 * mebibyte, 4096 * mebibyte]) t.equal(planMemory(4, limit).packsPerThread, 2)
  },
)
