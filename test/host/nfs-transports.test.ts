import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import type { runProgram } from '../../src/host/exec.js'
import { NfsTransports } from '../../src/host/nfs-transports.js'

/** As the kernel shows them: two mounts of one server with a connection each, and another server. */
function setUp(t: Test) {
  const directory = t.testdir({})
  const add = (path: string, address: string) => {
    mkdirSync(join(directory, path), { recursive: true })
    writeFileSync(join(directory, path, 'dstaddr'), `${address}\n`)
  }
  add('switch-0/xprt-1-tcp', '10.0.0.5')
  add('switch-0/xprt-2-tcp', '10.0.0.5')
  add('switch-1/xprt-3-tcp', '10.0.0.50')
  writeFileSync(join(directory, 'switch-0/xprt_switch_info'), 'num_xprts=2')
  const programs: string[] = []
  const run: typeof runProgram = async (program, args, { input }) => {
    programs.push([program, ...args].join(' '))
    if (program === 'tee') writeFileSync(args[0] ?? '', input ?? '')
    return { exitCode: 0, stdout: '', stderr: '' }
  }
  const addressOf = (path: string) => readFileSync(join(directory, path, 'dstaddr'), 'utf8').trim()
  return { directory, run, programs, addressOf }
}

t.test('NF12 all connections to an address are led to another, no others, and the old ones end', async (t) => {
  const { directory, run, programs, addressOf } = setUp(t)
  t.equal(await new NfsTransports({ directory, run }).redirect('10.0.0.5', '10.0.0.6'), 2)
  t.equal(addressOf('switch-0/xprt-1-tcp'), '10.0.0.6')
  t.equal(addressOf('switch-0/xprt-2-tcp'), '10.0.0.6')
  t.equal(addressOf('switch-1/xprt-3-tcp'), '10.0.0.50')
  t.equal(programs.at(-1), 'ss -K -t dst 10.0.0.5 dport = :2049')
})

t.test('an old kernel shows no connections, and a container may not change them', async (t) => {
  const { directory, run, programs } = setUp(t)
  t.equal(await new NfsTransports({ directory: join(directory, 'missing'), run }).redirect('10.0.0.5', '10.0.0.6'), 0)
  t.strictSame(programs, [])
  const refuse: typeof runProgram = async () => ({ exitCode: 1, stdout: '', stderr: 'tee: Read-only file system' })
  t.equal(await new NfsTransports({ directory, run: refuse }).redirect('10.0.0.5', '10.0.0.6'), 0)
})

t.test('a connection that the kernel is busy with is led later, and no mount is given up for it', async (t) => {
  const { directory, run } = setUp(t)
  const late = new ConvoyError('deadline-exceeded', 'tee did not end')
  const busy: typeof run = (program, args, options) =>
    program === 'tee' ? Promise.reject(late) : run(program, args, options)
  await t.rejects(new NfsTransports({ directory, run: busy }).redirect('10.0.0.5', '10.0.0.6'), late)
})

t.test('attempts to connect are ended until the kernel lets who waits for the connection in', async (t) => {
  const { directory, run, programs, addressOf } = setUp(t)
  let letIn: () => void = () => undefined
  const between = new Promise<void>((resolve) => (letIn = resolve))
  const waiting: typeof run = async (program, args, options) => {
    if (program === 'tee') await between
    const result = await run(program, args, options)
    if (programs.filter((one) => one.startsWith('ss')).length === 3) letIn()
    return result
  }
  const transports = new NfsTransports({ directory, run: waiting, pause: () => new Promise(setImmediate) })
  t.equal(await transports.redirect('10.0.0.5', '10.0.0.6'), 2)
  t.equal(addressOf('switch-0/xprt-1-tcp'), '10.0.0.6')
})
