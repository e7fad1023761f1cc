import assert from 'node:assert/strict'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { PluginAnswer } from '../engine/plugin-client.js'
import { eventually } from '../engine/polling.js'
import { DaemonProcess } from './daemon-process.js'

// Each case starts two daemons, and the machine may be busy.
t.setTimeout(600_000)

// A life of a volume, during which the daemon kills itself at one point, is started again, and carries on.

interface Step {
  readonly name: string
  readonly act: (daemon: DaemonProcess) => Promise<PluginAnswer>
  /** Rejects unless what an acknowledgement of the step promises is so. */
  readonly check: (daemon: DaemonProcess) => Promise<void>
}

const content = 'what somebody wrote into it'
const readContent = (daemon: DaemonProcess) => readFileSync(daemon.volume('db', 'file'), 'utf8')
const mounts = async (daemon: DaemonProcess) => Number((await daemon.status('db'))['mounts'])

async function checkListed(daemon: DaemonProcess, ...expected: readonly string[]): Promise<void> {
  assert.deepEqual(
    (await daemon.plugin.list()).map(({ Name }) => Name),
    expected,
  )
}

async function checkContent(daemon: DaemonProcess): Promise<void> {
  await checkListed(daemon, 'db')
  assert.equal(readContent(daemon), content)
}

const steps: readonly Step[] = [
  {
    name: 'create',
    act: (daemon) => daemon.plugin.create('db', { mode: '0750' }),
    check: async (daemon) => {
      await checkListed(daemon, 'db')
      assert.equal(statSync(daemon.volume('db')).mode & 0o777, 0o750)
    },
  },
  {
    name: 'write',
    act: async (daemon) => {
      writeFileSync(daemon.volume('db', 'file'), content)
      return {}
    },
    check: checkContent,
  },
  {
    name: 'mount',
    act: (daemon) => daemon.plugin.mount('db', 'a1'),
    check: async (daemon) => assert.ok((await mounts(daemon)) >= 1),
  },
  {
    name: 'unmount',
    act: async (daemon) => {
      // A Mount whose answer was lost is made again, with the same id.
      while ((await mounts(daemon)) > 1) await daemon.plugin.unmount('db', 'a1')
      return daemon.plugin.unmount('db', 'a1')
    },
    check: async (daemon) => assert.equal(await mounts(daemon), 0),
  },
  {
    name: 'remove',
    act: async (daemon) => {
      const answer = await daemon.plugin.remove('db')
      // Nothing may be left to do of one whose answer was lost.
      return answer.Err?.includes('no such volume') === true ? {} : answer
    },
    check: async (daemon) => {
      await checkListed(daemon)
      assert.equal(readContent(daemon), content, 'forgotten data stays')
    },
  },
  { name: 'take back', act: (daemon) => daemon.plugin.create('db'), check: checkContent },
  {
    name: 'delete',
    act: async (daemon) => {
      const { status, text } = await daemon.control('DELETE', '/v1/volumes/db')
      return status === 200 || status === 404 ? {} : { Err: text }
    },
    check: async (daemon) => {
      await checkListed(daemon)
      await eventually('the data has been removed', () => !existsSync(daemon.volume('db')))
    },
  },
]

const stores = [
  'create-intent',
  'create-done',
  'mount',
  'unmount',
  'remove-intent',
  'remove-done',
  'job',
  'trash-delete',
]
const drivers = ['create', 'attach', 'retire', 'revive']
const points = [...stores.map((step) => `store.${step}`), ...drivers.map((method) => `driver.${method}`)]

/** Whether the daemon lived through the act; whatever else goes wrong is thrown. */
async function survives(daemon: DaemonProcess, act: () => Promise<void>): Promise<boolean> {
  try {
    await act()
    return true
  } catch (thrown) {
    const isBroken = thrown instanceof Error && 'code' in thrown && /^E(CONN|NOENT|PIPE)/.test(String(thrown.code))
    if (!isBroken || (await daemon.ended).signal !== 'SIGKILL') throw thrown
    return false
  }
}

/** Takes the steps until the daemon is killed; resolves to the index of the first that was not acknowledged. */
async function takeSteps(t: Test, daemon: DaemonProcess, from: number): Promise<number> {
  for (let index = from; index < steps.length; index++) {
    const { name, act, check } = steps[index] ?? assert.fail()
    const isAcknowledged = await survives(daemon, async () => {
      t.strictSame((await act(daemon)).Err, undefined, name)
    })
    if (!isAcknowledged) return index
    // What is made durable after its answer may kill the daemon now.
    if (!(await survives(daemon, () => check(daemon)))) return index + 1
  }
  return steps.length
}

/** What was acknowledged holds, or what was cut short after it. */
async function checkEither(daemon: DaemonProcess, ...candidates: readonly (Step | undefined)[]): Promise<void> {
  const checks = candidates.flatMap((step) => (step === undefined ? [] : [step.check(daemon)]))
  if (checks.length > 0) await Promise.any(checks)
}

for (const point of points) {
  for (const when of ['before', 'after']) {
    t.test(`71: a daemon that is killed ${when} ${point} carries on and keeps what it promised`, async (t) => {
      const args = ['--trash-retention', '0']
      const daemon = new DaemonProcess(t)
      await daemon.start({ args, env: { CONVOY_FAILPOINT: `${when}:${point}` } })
      const reached = await takeSteps(t, daemon, 0)
      t.match(await daemon.ended, { signal: 'SIGKILL' }, `killed in step ${steps[reached]?.name ?? 'none'}`)
      await daemon.start({ args })
      await eventually('what was cut short is carried on', () => daemon.plugin.get('db'))
      if (reached > 0) await checkEither(daemon, steps[reached - 1], steps[reached])
      t.equal(await takeSteps(t, daemon, reached), steps.length, 'the rest goes on')
      await eventually('nothing is left', async () => (await daemon.control('GET', '/v1/volumes')).text === '{}')
      t.match(await daemon.stop(), { code: 0 })
      const sqlite = new Sqlite(join(daemon.root, 'convoy.db'), { readonly: true })
      t.equal(sqlite.pragma('integrity_check', { simple: true }), 'ok')
      t.equal(sqlite.prepare("SELECT count(*) FROM volumes WHERE state LIKE '%ing'").pluck().get(), 0)
      sqlite.close()
    })
  }
}
