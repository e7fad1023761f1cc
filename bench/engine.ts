import { setTimeout as sleep } from 'node:timers/promises'
import { ConvoyProcess } from '../test/engine/convoy-process.js'
import { DockerEngine } from '../test/engine/docker-engine.js'
import { EngineNamespace } from '../test/engine/engine-namespace.js'
import { chosenEngines, type EngineVersion, findPrerequisites, type Tools } from '../test/engine/prerequisites.js'
import type { Benchmark } from './benchmark.js'
import { EngineClient } from './engine-client.js'
import { InstantPlugin } from './instant-plugin.js'
import { type Findings, formatMs, formatPair, type Verdict } from './report.js'
import { entry, Samples } from './statistics.js'

/** `instant`: a Node plugin that does nothing, the least that a plugin in Node can take. */
const drivers = ['local', 'instant', 'convoy'] as const
const mountable = ['local', 'convoy'] as const
type Driver = (typeof drivers)[number]

/** Of volumes: each driver makes so many in a row, then the next one does. */
const [turns, perTurn] = [24, 10]
/** Of the commands that people type, for each driver. */
const typedTurns = 25
const containerRounds = 15
/** Between turns: engine and daemon finish what they do after their answers. */
const pauseMs = 30

/** Operation → what it took with each driver. */
type Comparison = Map<string, Readonly<Record<Driver, Samples>>>

/** What users of Docker feel: convoy beside Docker's own driver, through the same engine. */
export const engineBenchmark: Benchmark = {
  name: 'engine',
  title: 'Through Docker, beside its local driver',
  async run() {
    const prerequisites = findPrerequisites()
    if ('missing' in prerequisites) return { method: `Not run: ${prerequisites.missing}.`, tables: [], verdicts: [] }
    const measured: [EngineVersion, Comparison][] = []
    for (const version of chosenEngines()) measured.push([version, await measure(version, prerequisites.tools)])
    return describe(measured)
  },
}

async function measure(version: EngineVersion, tools: Tools): Promise<Comparison> {
  const namespace = await EngineNamespace.open()
  const instant = await InstantPlugin.start(namespace.path('run', 'docker', 'plugins', 'instant.sock'))
  try {
    const engine = new DockerEngine(namespace, tools, version)
    await Promise.all([new ConvoyProcess(namespace).start(), engine.start()])
    await engine.prepare()
    const client = new EngineClient(engine.socket)
    const comparison: Comparison = new Map()
    const warmUp: Comparison = new Map()
    for (let turn = -1; turn < turns; turn++)
      for (const driver of inTurn(drivers, turn))
        await cycleVolumes(client, driver, turn, turn < 0 ? warmUp : comparison)
    for (let turn = -1; turn < typedTurns; turn++)
      for (const driver of inTurn(drivers, turn))
        await typeCommands(engine, driver, turn, turn < 0 ? warmUp : comparison)
    for (let round = -1; round < containerRounds; round++)
      for (const driver of inTurn(mountable, round))
        await runContainer(client, driver, round, round < 0 ? warmUp : comparison)
    client.close()
    return comparison
  } finally {
    instant.stop()
    await namespace.close()
  }
}

/** Each goes first as often as the other. */
const inTurn = (some: readonly Driver[], round: number): readonly Driver[] =>
  some.map((_, index) => some[(index + round + some.length * 100) % some.length] ?? 'local')

const noSamples = (): Record<Driver, Samples> => ({
  local: new Samples(),
  instant: new Samples(),
  convoy: new Samples(),
})

function samplesOf(comparison: Comparison, operation: string, driver: Driver): Samples {
  return entry(comparison, operation, noSamples)[driver]
}

async function cycleVolumes(client: EngineClient, driver: Driver, turn: number, comparison: Comparison): Promise<void> {
  await sleep(pauseMs)
  for (let index = 0; index < perTurn; index++) {
    const name = `bench-${driver}-${turn}-${index}`
    await samplesOf(comparison, 'volume create', driver).time(() => client.createVolume(name, driver))
    await samplesOf(comparison, 'volume inspect', driver).time(() => client.inspectVolume(name))
    await samplesOf(comparison, 'volume rm', driver).time(() => client.removeVolume(name))
  }
}

/** What starting the `docker` program takes is in these. */
async function typeCommands(engine: DockerEngine, driver: Driver, turn: number, comparison: Comparison): Promise<void> {
  await sleep(pauseMs)
  const name = `typed-${driver}-${turn}`
  const time = (operation: string, act: () => Promise<unknown>): Promise<unknown> =>
    samplesOf(comparison, operation, driver).time(act)
  await time('`docker volume create`', () => engine.docker('volume', 'create', '--driver', driver, name))
  await time('`docker volume rm`', () => engine.docker('volume', 'rm', name))
}

async function runContainer(
  client: EngineClient,
  driver: Driver,
  round: number,
  comparison: Comparison,
): Promise<void> {
  const volume = `run-${driver}-${round}`
  await client.createVolume(volume, driver)
  const time = <T>(operation: string, act: () => Promise<T>): Promise<T> =>
    samplesOf(comparison, operation, driver).time(act)
  const id = await time('container create', () => client.createContainer(volume))
  await time('container start', () => client.startContainer(id))
  await client.untilContainerEnds(id)
  await time('container rm', () => client.removeContainer(id))
  await client.removeVolume(volume)
}

function describe(measured: readonly (readonly [EngineVersion, Comparison])[]): Findings {
  const rows = measured.flatMap(([version, comparison]) =>
    [...comparison].map(([operation, { local, instant, convoy }]) => [
      version,
      operation,
      String(convoy.count),
      ...[local, instant, convoy].map((samples) => `${formatMs(samples.min)}, ${formatPair(samples)}`),
      `${(convoy.p50 / local.p50).toFixed(2)} ×`,
    ]),
  )
  return {
    method:
      `A private engine, its API on one kept connection; the drivers in turn, ${turns} times ${perTurn} volumes each, one ` +
      `call right after the other, ${typedTurns} times the commands that people type, and ${containerRounds} containers each, with a fresh volume. "Instant" is a Node plugin ` +
      "that does nothing: what convoy takes beyond it is our own and the disk's. Milliseconds.",
    tables: [
      { columns: ['Docker', 'Operation', 'n', 'local: min, p50 / p99', 'instant', 'convoy', 'p50 ratio'], rows },
    ],
    verdicts: measured.flatMap(([version, comparison]) => verdicts(version, comparison)),
  }
}

function verdicts(version: EngineVersion, comparison: Comparison): Verdict[] {
  return ['volume create', 'volume rm', '`docker volume create`', '`docker volume rm`'].map((operation) => {
    const { local, instant, convoy } = comparison.get(operation) ?? noSamples()
    return {
      figure: `${operation} no slower than local, Docker ${version} (p50)`,
      measured: `${formatMs(convoy.p50)} ms, local ${formatMs(local.p50)} ms, instant ${formatMs(instant.p50)} ms`,
      isMet: convoy.p50 <= local.p50,
    }
  })
}
