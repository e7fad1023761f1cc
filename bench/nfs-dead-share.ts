import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { Lab } from '../test/vm/lab.js'
import { NfsWorld } from '../test/vm/nfs-world.js'
import { guestImage } from '../test/vm/prerequisites.js'
import type { Benchmark } from './benchmark.js'
import { type Findings, formatPair, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const volumes = 25
const rounds = 200
const other = '127.0.0.1:/srv'
/** Longer than the storage may take, so that whoever waits has been told. */
const settleMs = 40_000

/** What is asked, in this order. */
const calls = ['get', 'list', 'create'] as const
type Times = Readonly<Record<(typeof calls)[number], Samples>>

interface Measured {
  readonly alive: Times
  readonly dead: Times
  readonly recoveryMs: number
  readonly childrenBefore: number
  readonly childrenAfter: number
}

/** Two shares, and the server of one hangs. */
export const deadShareBenchmark: Benchmark = {
  name: 'nfs-dead-share',
  title: 'A share that is dead',
  run: async () => {
    if (!existsSync(guestImage)) return { method: 'Not run: needs test/vm/install.', tables: [], verdicts: [] }
    const lab = new Lab()
    try {
      return describe(await measure(await NfsWorld.open(lab)))
    } finally {
      await lab.close()
    }
  },
}

async function measure(world: NfsWorld): Promise<Measured> {
  const { client, server } = world
  await client.sh('mkdir -p /srv && /guest/nfsd-start "/srv *(rw,no_subtree_check,no_root_squash,fsid=1)"')
  await client.write('/opt/calls.mjs', callsScript)
  await client.sh(`node /opt/calls.mjs fill ${volumes}`, 300_000)
  const alive = await times(world)
  const childrenBefore = await children(world)
  server.freeze()
  await client.sh('setsid node /opt/calls.mjs wait </dev/null >/run/waited 2>&1 &')
  const dead = await times(world)
  await sleep(settleMs)
  server.thaw()
  const began = performance.now()
  await client.sh('until grep -q mounted /run/waited; do sleep 0.05; done', 200_000)
  const recoveryMs = performance.now() - began
  await sleep(settleMs)
  return { alive, dead, recoveryMs, childrenBefore, childrenAfter: await children(world) }
}

/** Of the daemon, and what they have left behind. */
async function children({ client }: NfsWorld): Promise<number> {
  return Number(await client.sh('pgrep -fc "[f]ile-process-main|[m]ount.nfs|[u]mount" || true'))
}

async function times({ client }: NfsWorld): Promise<Times> {
  const answer = JSON.parse(await client.sh(`node /opt/calls.mjs ask ${rounds}`, 600_000)) as Record<string, number[]>
  const samplesOf = (call: string) => {
    const samples = new Samples()
    for (const time of answer[call] ?? []) samples.add(time)
    return samples
  }
  const [get, list, create] = [samplesOf('get'), samplesOf('list'), samplesOf('create')]
  return { get, list, create }
}

const callsScript = `import { request } from 'node:http'
  const [what, count] = [process.argv[2], Number(process.argv[3])]
  const ask = (call, body) => new Promise((resolve, reject) => {
    const to = { socketPath: '/run/docker/plugins/nfs.sock', path: '/VolumeDriver.' + call, method: 'POST' }
    request(to, (answer) => {
      let text = ''
      answer.on('data', (part) => (text += part)).on('end', () => (JSON.parse(text).Err ? reject(new Error(text)) : resolve()))
    }).on('error', reject).end(JSON.stringify(body))
  })
  const here = { share: '${other}' }
  const times = { get: [], list: [], create: [] }
  const timed = async (name, call, body) => {
    const began = performance.now()
    await ask(call, body)
    times[name].push(performance.now() - began)
  }
  if (what === 'fill') for (let index = 0; index < count; index++) {
    await ask('Create', { Name: 'far-' + index })
    await ask('Create', { Name: 'near-' + index, Opts: here })
  }
  if (what === 'wait') {
    // Docker's patience is up at 100 s, and --restart asks again.
    for (;;) if (await ask('Mount', { Name: 'far-0', ID: 'waits' }).then(() => true, () => false)) break
    console.log('mounted')
  }
  if (what === 'ask') {
    for (let round = 0; round < count; round++) {
      await timed('get', 'Get', { Name: 'near-0' })
      await timed('list', 'List', {})
      await timed('create', 'Create', { Name: 'new-' + round, Opts: here })
      await ask('Remove', { Name: 'new-' + round })
    }
    console.log(JSON.stringify(times))
  }`

function describe({ alive, dead, recoveryMs, childrenBefore, childrenAfter }: Measured): Findings {
  return {
    method:
      'Two guests under QEMU, all of whose instructions are emulated, which makes them 10 to 30 times slower than their host: ' +
      `${2 * volumes} volumes, half of them on a share of the other guest, half on one of the same. The other guest is stopped ` +
      `between two instructions while a container waits for a volume of it. ${rounds} calls each, p50 / p99, milliseconds.`,
    tables: [
      {
        columns: ['', 'both answer', 'one is dead'],
        rows: calls.map((call) => [title[call], formatPair(alive[call]), formatPair(dead[call])]),
      },
    ],
    verdicts: [
      ...calls.map((call) =>
        isAtMost(`${title[call]} while a share is dead < 100 ms (p99)`, dead[call].p99, 100, 'ms'),
      ),
      ...calls.map((call) =>
        isAtMost(`${title[call]} as when all answer (p50)`, dead[call].p50 / alive[call].p50, 1.5, '×'),
      ),
      isAtMost('No process is left behind', childrenAfter - childrenBefore, 0, 'processes'),
      isAtMost('Mounted < 10 s after the server is back', recoveryMs / 1000, 10, 's'),
    ],
  }
}

const title: Readonly<Record<(typeof calls)[number], string>> = {
  get: '`Get`',
  list: '`List`',
  create: '`Create` on the other share',
}
