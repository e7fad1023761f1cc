import { spawnSync } from 'node:child_process'
import { cpSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/** The program as it is shipped, in a place where nothing else of the checkout is. */
function copyOf(t: Test) {
  const directory = t.testdir()
  cpSync(join(checkout, 'package.json'), join(directory, 'package.json'))
  cpSync(join(checkout, 'build/program'), join(directory, 'build/program'), { recursive: true })
  const program = join(directory, 'build/program/convoy.cjs')
  const node = (...argv: readonly string[]) => {
    const command = ['-i', `PATH=${process.env['PATH'] ?? ''}`, process.execPath, ...argv]
    return spawnSync('/usr/bin/env', command, { encoding: 'utf8' })
  }
  const run = (...argv: readonly string[]) => node(program, ...argv)
  return { run, node, cache: join(directory, 'build/main.cache'), script: join(directory, 'build/program/main.js') }
}

t.test('the program needs nothing but Node', (t) => {
  const { run } = copyOf(t)
  t.match(run('ls', '--help'), { status: 0, stdout: /Usage: convoy ls/ })
  t.match(run('ls', '--socket', '/none'), { status: 1, stderr: /no daemon at \/none/ })
  t.match(run('daemon', '--ignore-config-file', '--check'), { status: 0, stdout: /the configuration is right/ })
  t.end()
})

t.test('the SDK of AWS is a file of its own for each of its services, which is read only when that is asked', (t) => {
  const { node, script } = copyOf(t)
  for (const [file, client] of [
    ['efs-sdk.js', 'EFSClient'],
    ['ec2-sdk.js', 'EC2Client'],
  ] as const) {
    const sdk = join(script, '..', file)
    const isIn = (path: string) => readFileSync(path, 'latin1').includes(`${client} = class`)
    t.same([script, sdk].map(isIn), [false, true], client)
    t.match(node('-e', `console.log(typeof require(process.argv[1]).${client})`, sdk), { stdout: 'function\n' })
    t.ok(statSync(sdk).size < 1_000_000, `without what nobody uses: ${statSync(sdk).size} bytes`)
  }
  t.end()
})

t.test('what is compiled lies beside it, and needs no more', (t) => {
  const { node, script } = copyOf(t)
  for (const [file, asked] of [
    ['better_sqlite3.node', 'addon.Database.name'],
    ['posix.node', 'addon.closeFd(addon.openRoot(Buffer.from("/")))'],
    ['zstd.node', 'addon.versionString()'],
  ] as const) {
    const path = join(script, '..', file)
    t.match(node('-p', `const addon = require(process.argv[1]); ${asked}`, path), {
      status: 0,
      stdout: /^(?:Database|0|1\..*)\n$/,
    })
  }
  t.end()
})

t.test('its children start children and threads of their own', (t) => {
  const { node, script } = copyOf(t)
  const asked = `const child = require('node:child_process').fork(process.argv[1])
    child.on('message', (answer) => { console.log(JSON.stringify(answer)); child.kill() })
    child.send({ id: 1, lane: 'any', operations: [{ op: 'statfs', path: '/' }] })`
  t.match(node('-e', asked, join(script, '../file-process-main.js')), {
    stdout: /^{"id":1,"results":\[{"sizeBytes":/,
  })
  t.end()
})

t.test('what V8 makes of the program is kept when it has rehearsed all of it: a daemon, Docker, a database', (t) => {
  const { run, node, cache, script } = copyOf(t)
  t.match(run('rehearsal'), { status: 0 })
  const asked = `const { readFileSync } = require('node:fs')
    const cachedData = readFileSync(process.argv[1]).subarray(32)
    console.log(new vm.Script(readFileSync(process.argv[2], 'latin1'), { cachedData }).cachedDataRejected)`
  t.equal(node('-e', asked, cache, script).stdout, 'false\n', 'V8 takes it')
  t.equal(statSync(cache).mode & 0o777, 0o644, 'whoever may run the program may read it')
  t.end()
})

t.test('what was kept is not used when it is damaged, cut short, of another script, or there is none', (t) => {
  const { run, cache, script } = copyOf(t)
  const isGood = (why: string) => t.match(run('ls', '--help'), { status: 0, stdout: /Usage: convoy ls/ }, why)
  run('rehearsal')
  isGood('whole')
  const bytes = readFileSync(cache)
  for (const at of [0, 31, 32, 40, bytes.length >> 1, bytes.length - 1]) {
    const damaged = Buffer.from(bytes)
    damaged[at] = damaged[at]! ^ 0xff
    writeFileSync(cache, damaged)
    isGood(`byte ${at}`)
    writeFileSync(cache, bytes.subarray(0, at))
    isGood(`${at} bytes`)
  }
  writeFileSync(cache, bytes)
  const text = readFileSync(script, 'latin1')
  writeFileSync(script, text.replaceAll('show the daemon', 'SHOW THE DAEMON'))
  t.match(run('--help').stdout, 'SHOW THE DAEMON', 'of another script of the same length')
  rmSync(cache)
  isGood('none')
  t.end()
})
