import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runProgram } from '../../src/host/exec.js'
import { measureTree } from '../../src/host/measure-tree.js'
import { eventually } from '../engine/polling.js'

const { signal } = new AbortController()
const module = fileURLToPath(new URL('../../src/host/measure-tree.js', import.meta.url))

/** The process that measures that path, held so that it does not end by itself. */
async function hold(path: string): Promise<number> {
  const find = async () => {
    const { stdout } = await runProgram('pgrep', ['-fn', `du -skx -- ${path}$`], { timeoutMs: 10_000 })
    return stdout === '' ? undefined : Number(stdout)
  }
  const pid = await eventually('it is measured', find)
  process.kill(pid, 'SIGSTOP')
  return pid
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
  // Long enough to be found at it.
  const path = '/'
  const stop = new AbortController()
  const measuring = measureTree(path, stop.signal)
  const given = await hold(path)
  stop.abort()
  await t.rejects(measuring, { code: 'deadline-exceeded' })
  await eventually('it is gone', () => !existsSync(`/proc/${given}`))
  const script = `import(${JSON.stringify(module)}).then((m) => m.measureTree('/', new AbortController().signal))`
  const daemon = spawn(process.execPath, ['-e', script], { stdio: 'ignore' })
  const left = await hold(path)
  daemon.kill('SIGKILL')
  await eventually('it goes, too', () => isGone(left))
})

/** Nobody collects it here, perhaps. */
function isGone(pid: number): boolean {
  return !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
}
