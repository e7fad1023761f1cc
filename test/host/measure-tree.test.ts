import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { findProgram, runProgram } from '../../src/host/exec.js'
import { measureTree } from '../../src/host/measure-tree.js'
import { eventually } from '../engine/polling.js'

const { signal } = new AbortController()
const module = fileURLToPath(new URL('../../src/host/measure-tree.js', import.meta.url))

/** Whether somebody measures that path. */
async function isMeasured(path: string): Promise<boolean> {
  return (await runProgram(findProgram('pgrep'), ['-f', `du -skx -- ${path}$`], { timeoutMs: 10_000 })).exitCode === 0
}

t.test('a tree takes what its files take, without what a sparse one does not', async (t) => {
  const path = t.testdir({ deep: {} })
  const empty = await measureTree(path, signal)
  writeFileSync(join(path, 'deep', 'file'), Buffer.alloc(100_000, 1))
  const full = await measureTree(path, signal)
  t.ok(full - empty >= 100_000 && full - empty < 200_000, `${full - empty}`)
})

t.test('what is not there cannot be measured, and the message names it', async (t) => {
  const path = join(t.testdir(), 'missing')
  await t.rejects(measureTree(path, signal), { code: 'unavailable', message: /missing.*No such file/ })
})

t.test('a tree whose files come and go is measured all the same', async (t) => {
  const path = t.testdir()
  let isOver = false
  const churn = async () => {
    for (let round = 0; !isOver; round++) {
      mkdirSync(join(path, `d${round}`))
      for (let file = 0; file < 20; file++) writeFileSync(join(path, `d${round}`, String(file)), '')
      await new Promise(setImmediate)
      rmSync(join(path, `d${round}`), { recursive: true })
    }
  }
  const churning = churn()
  for (let times = 0; times < 10; times++) t.ok((await measureTree(path, signal)) > 0)
  isOver = true
  await churning
})

t.test('whoever gives up leaves no process behind, and neither does a daemon that is killed', async (t) => {
  // Long enough for either.
  const path = '/'
  const stop = new AbortController()
  const measuring = measureTree(path, stop.signal)
  await eventually('it is measured', () => isMeasured(path))
  stop.abort()
  await t.rejects(measuring, { code: 'deadline-exceeded' })
  await eventually('nobody measures it', async () => !(await isMeasured(path)))
  const script = `import(${JSON.stringify(module)}).then((m) => m.measureTree('/', new AbortController().signal))`
  const daemon = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  await eventually('it is measured', () => isMeasured(path))
  daemon.kill('SIGKILL')
  await eventually('nobody measures it', async () => !(await isMeasured(path)))
})
