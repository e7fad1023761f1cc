import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import t from 'tap'
import { describedRequests, type FuzzRequest, type OpenApiPaths, pluginRequests } from '../api/described-requests.js'
import { fuzzSeed } from '../api/fuzz-seed.js'
import { deliver, statusesIn } from '../api/mangled-delivery.js'
import { mangledRequests } from '../api/mangled-requests.js'
import { httpOverSocket } from '../engine/plugin-client.js'
import { eventually } from '../engine/polling.js'
import { DaemonProcess, mainProgram } from './daemon-process.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const [rounds, perRound] = isSoak ? [100, 10_000] : [4, 250]
if (isSoak) t.setTimeout(4 * 3_600_000)

const clients = 16
/** What a daemon may hold more in the last quarter than in the second. */
const mostGrowthMib = 16

interface Sample {
  readonly requests: number
  readonly heapMib: number
  readonly pssMib: number
  readonly volumes: number
  readonly trash: number
}

type Request = () => Promise<readonly number[]>

const mib = (bytes: number) => Math.round((bytes / 2 ** 20) * 10) / 10

t.test(`${rounds * perRound} requests of any kind to a real daemon: no 500, no crash, flat memory`, async (t) => {
  t.comment(`CONVOY_SEED=${fuzzSeed}`)
  const daemon = new DaemonProcess(t)
  const collector = fileURLToPath(new URL('./collect-on-signal.js', import.meta.url))
  const launch = [process.execPath, '--expose-gc', '--import', collector, mainProgram]
  // The data of what is deleted goes at once: otherwise the trash of a million requests is what grows.
  // As its unit starts it.
  const env = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072' }
  daemon.launch({ launch, env, args: ['--log-level', 'error', '--trash-retention', '0'] })
  await eventually('it knows its volumes', async () => (await daemon.plugin.get('none')).Err !== undefined)
  const document = JSON.parse((await daemon.control('GET', '/v1/openapi.json')).text) as OpenApiPaths
  const requests = requestsTo(daemon, document)
  const statuses = new Map<number, number>()
  const samples: Sample[] = []
  for (let round = 0; round < rounds; round++) {
    const drawn = fc.sample(requests, { numRuns: perRound, seed: fuzzSeed + round })
    await inParallel(drawn, async (request) => {
      for (const status of await request()) statuses.set(status, (statuses.get(status) ?? 0) + 1)
    })
    t.ok(daemon.isRunning, `it runs after round ${round}`)
    samples.push(await sample(daemon, (round + 1) * perRound))
    t.comment(JSON.stringify(samples.at(-1)))
  }
  t.comment(
    `answers: ${[...statuses]
      .sort()
      .map((one) => one.join(' × '))
      .join(', ')}`,
  )
  t.same(
    [...statuses.keys()].filter((status) => status >= 500 && status !== 503),
    [],
    'none is answered with 500',
  )
  t.notMatch(daemon.output, /"level":"?(?:50|60|error|fatal)/, 'the daemon reports no failure of its own')
  t.equal((await daemon.control('GET', '/healthz')).status, 200)
  if (isSoak)
    for (const key of ['heapMib', 'pssMib'] as const) t.ok(growth(samples, key) < mostGrowthMib, `${key} is flat`)
  t.match(await daemon.stop(), { code: 0 })
})

function requestsTo(daemon: DaemonProcess, document: OpenApiPaths): fc.Arbitrary<Request> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: clients })
  const { controlSocket, pluginSocket } = daemon
  const send = (socketPath: string) => (request: FuzzRequest) => async () => {
    const { url: path, method, payload, headers } = request
    const sent = { path, method, agent, ...(payload !== undefined && { body: payload }), ...(headers && { headers }) }
    try {
      const { status, text } = await httpOverSocket(socketPath, sent)
      assert.notEqual(status, 500, text)
      return [status]
    } catch (cause) {
      // A Get that cannot be answered ends the connection: an error would make Docker forget the volume.
      if (path === '/VolumeDriver.Get' && String(cause).includes('hang up')) return []
      throw new Error(`${method} ${path} ${payload?.slice(0, 300) ?? ''}`, { cause })
    }
  }
  const mangle = (socketPath: string) => (request: Parameters<typeof deliver>[1]) => async () =>
    statusesIn(await deliver(socketPath, request))
  const asked = describedRequests(document)
  const mangled = mangledRequests(fc.oneof(asked, pluginRequests))
  return fc.oneof(
    { weight: 4, arbitrary: asked.map(send(controlSocket)) },
    { weight: 3, arbitrary: pluginRequests.map(send(pluginSocket)) },
    { weight: 1, arbitrary: pluginRequests.map(send(controlSocket)) },
    { weight: 1, arbitrary: mangled.map(mangle(controlSocket)) },
    { weight: 1, arbitrary: mangled.map(mangle(pluginSocket)) },
  )
}

async function inParallel<T>(items: readonly T[], act: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const work = async () => {
    for (const item of queue) await act(item)
  }
  await Promise.all(Array.from({ length: clients }, work))
}

/** What the daemon holds once its work is done and its garbage is collected. */
async function sample(daemon: DaemonProcess, requests: number): Promise<Sample> {
  const count = async (path: string) =>
    Object.keys(JSON.parse((await daemon.control('GET', path)).text) as object).length
  await eventually('the jobs are done', async () => {
    const jobs = JSON.parse((await daemon.control('GET', '/v1/jobs')).text) as { state: string }[]
    return jobs.every(({ state }) => state !== 'queued' && state !== 'running')
  })
  const from = daemon.output.length
  process.kill(daemon.pid, 'SIGUSR2')
  const heap = await eventually(
    'it says what it holds',
    () => /"heapUsed":(\d+)\}\n/.exec(daemon.output.slice(from))?.[1],
  )
  const pss = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${daemon.pid}/smaps_rollup`, 'utf8'))?.[1]
  return {
    requests,
    heapMib: mib(Number(heap)),
    pssMib: mib(Number(pss) * 1024),
    volumes: await count('/v1/volumes'),
    trash: await count('/v1/trash'),
  }
}

/** By how much the last quarter of the samples is above the second one. */
function growth(samples: readonly Sample[], key: 'heapMib' | 'pssMib'): number {
  const quarter = Math.floor(samples.length / 4)
  const mean = (some: readonly Sample[]) => some.reduce((sum, one) => sum + one[key], 0) / some.length
  return mean(samples.slice(-quarter)) - mean(samples.slice(quarter, 2 * quarter))
}
