import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import t from 'tap'
import { bootId, isSameProcess, parseStartTime, readStartTime } from '../../src/host/process-identity.js'

const stat = (name: string, state: string, startTime: string) =>
  `42 (${name}) ${state} 1 42 42 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 ${startTime} 1000000 200 18446744073709551615\n`

t.test('the start time is field 22, whatever the process calls itself', async (t) => {
  t.equal(parseStartTime(stat('node', 'S', '7654321')), '7654321')
  t.equal(parseStartTime(stat('a) R 1 2 3 (b', 'S', '7654321')), '7654321')
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 15 }), (name) => parseStartTime(stat(name, 'R', '99')) === '99'),
  )
})

t.test('a zombie, a dead process and text that is no stat have none', async (t) => {
  t.equal(parseStartTime(stat('node', 'Z', '1')), undefined)
  t.equal(parseStartTime(stat('node', 'X', '1')), undefined)
  for (const text of ['', ')', '1 (x) S', stat('x', 'S', 'y')]) t.equal(parseStartTime(text), undefined)
})

t.test('a process is the same only with its own start time', async (t) => {
  const startTime = readStartTime(process.pid)
  t.match(startTime, /^\d+$/)
  t.ok(isSameProcess({ pid: process.pid, startTime: startTime! }))
  t.notOk(isSameProcess({ pid: process.pid, startTime: `${startTime}0` }))
})

t.test('a process that ended is not the same any more', async (t) => {
  const child = spawn('/bin/sleep', ['60'])
  await once(child, 'spawn')
  const startTime = readStartTime(child.pid!)!
  t.ok(isSameProcess({ pid: child.pid!, startTime }))
  child.kill('SIGKILL')
  await once(child, 'exit')
  t.notOk(isSameProcess({ pid: child.pid!, startTime }))
  t.equal(readStartTime(child.pid!), undefined)
})

t.test('the boot id is what the kernel says, without the newline', async (t) => {
  t.match(bootId(), /^[0-9a-f]{8}-[0-9a-f-]{27}$/)
  t.equal(bootId() + '\n', readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'))
})
