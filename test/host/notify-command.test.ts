import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runNotifyCommand } from '../../src/host/notify-command.js'
import type { Notice } from '../../src/model/notify-target.js'
import { eventually } from '../engine/polling.js'

const notice: Notice = {
  id: 'host-7',
  content: {
    id: 7,
    time: '2026-01-01T00:00:00.000Z',
    type: 'volume.mount',
    volumeId: 'v',
    error: 'a\0b',
    severity: 'info',
    host: 'h',
    daemon: 'd',
  },
}

/** Runs a script in a shell of its own, in a directory that it knows as $1. */
async function run(t: Test, script: string, timeoutMs = 60_000): Promise<string> {
  const directory = t.testdir()
  await runNotifyCommand({ kind: 'command', command: ['/bin/sh', '-c', script, 'sh', directory] }, notice, {
    timeoutMs,
  })
  return directory
}

t.test('a command reads the event on standard input and in its environment, which holds nothing else', async (t) => {
  process.env['CONVOY_EVENT_OF_OURS'] = 'a secret'
  const directory = await run(t, 'cat > "$1/input"; env > "$1/env"')
  const input = readFileSync(join(directory, 'input'), 'utf8')
  t.ok(input.endsWith('}\n'))
  t.strictSame(JSON.parse(input), notice.content)
  const variables = readFileSync(join(directory, 'env'), 'utf8').trim().split('\n')
  // tap adds variables of its own.
  const own = variables.filter((line) => line.startsWith('CONVOY_'))
  t.strictSame(own.sort(), [
    'CONVOY_EVENT_DAEMON=d',
    'CONVOY_EVENT_ERROR=ab',
    'CONVOY_EVENT_HOST=h',
    'CONVOY_EVENT_ID=7',
    'CONVOY_EVENT_SEVERITY=info',
    'CONVOY_EVENT_TIME=2026-01-01T00:00:00.000Z',
    'CONVOY_EVENT_TYPE=volume.mount',
    'CONVOY_EVENT_VOLUME_ID=v',
    'CONVOY_NOTICE_ID=host-7',
  ])
})

t.test('arguments are no words of a shell', async (t) => {
  const directory = t.testdir()
  const command = ['/bin/cp', '/dev/null', join(directory, '$(id) a;b')] as const
  await runNotifyCommand({ kind: 'command', command }, notice, { timeoutMs: 60_000 })
  t.ok(existsSync(join(directory, '$(id) a;b')))
})

t.test('a command that fails is quoted, and one that says much is quoted in part', async (t) => {
  await t.rejects(run(t, 'exit 3'), { code: 'unavailable', message: '/bin/sh ended with 3' })
  await t.rejects(run(t, 'echo told; exit 1'), { message: '/bin/sh ended with 1: told' })
  await t.rejects(run(t, 'echo told; echo why >&2; exit 1'), { message: '/bin/sh ended with 1: why' })
  await t.rejects(
    run(t, 'head -c 10000000 /dev/zero | tr "\\0" x; head -c 1000000 /dev/zero | tr "\\0" y >&2; exit 1'),
    {
      message: /^\/bin\/sh ended with 1: y{500}$/,
    },
  )
})

t.test('a command that does not read its input, or is not there', async (t) => {
  await run(t, 'exec <&-; exit 0')
  const command = ['/nowhere/tell'] as const
  await t.rejects(runNotifyCommand({ kind: 'command', command }, notice, { timeoutMs: 60_000 }), {
    code: 'unsupported',
    message: /\/nowhere\/tell is not installed/,
  })
})

t.test('a command that hangs goes when the time is up, with all that it started', async (t) => {
  const directory = t.testdir()
  const command = ['/bin/sh', '-c', 'sleep 1000 & echo $! > "$1/pid"; wait', 'sh', directory] as const
  await t.rejects(runNotifyCommand({ kind: 'command', command }, notice, { timeoutMs: 1500 }), {
    code: 'deadline-exceeded',
  })
  const pid = readFileSync(join(directory, 'pid'), 'utf8').trim()
  await eventually('the grandchild has gone', () => !existsSync(`/proc/${pid}`))
})
