import t from 'tap'
import { planRestoreMemory } from '../../../src/repository/restore/restore-memory.js'

const mebibyte = 1024 * 1024

t.test('without a limit there is a thread for each processor, up to four, and a full window', async (t) => {
  t.same(planRestoreMemory(2), { threads: 2, windowBytes: 32 * mebibyte })
  t.same(planRestoreMemory(64), { threads: 4, windowBytes: 32 * mebibyte })
})

t.test(
  'with less memory the window becomes smaller, then the threads fewer, but there is always something',
  async (t) => {
    t.same(planRestoreMemory(2, 400 * mebibyte), planRestoreMemory(2))
    t.same(planRestoreMemory(2, 210 * mebibyte), { threads: 2, windowBytes: 10 * mebibyte })
    t.same(planRestoreMemory(2, 170 * mebibyte), { threads: 1, windowBytes: 10 * mebibyte })
    t.same(planRestoreMemory(2, 1), { threads: 1, windowBytes: 4 * mebibyte })
  },
)
