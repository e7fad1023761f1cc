import { ConvoyProcess } from '../test/engine/convoy-process.js'
import { DockerEngine } from '../test/engine/docker-engine.js'
import { EngineNamespace } from '../test/engine/engine-namespace.js'
import { chosenEngines, type EngineVersion, findPrerequisites, type Tools } from '../test/engine/prerequisites.js'
import type { Benchmark } from './benchmark.js'
import { EngineClient } from './engine-client.js'
import { type Findings, formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const volumes = 1000
const rounds = 7
/** Each costs 15 s. */
const volumesOfDead = 2

interface Starts {
  readonly none: Samples
  readonly many: Samples
  /** Nobody answers on the socket. */
  readonly dead: Samples
}

/** Docker asks for all volumes that it knows before it serves anybody. */
export const dockerStartBenchmark: Benchmark = {
  name: 'docker-start',
  title: "Docker's start with 1,000 volumes",
  async run() {
    const prerequisites = findPrerequisites()
    if ('missing' in prerequisites) return { method: `Not run: ${prerequisites.missing}.`, tables: [], verdicts: [] }
    const measured: [EngineVersion, Starts][] = []
    for (const version of chosenEngines()) measured.push([version, await measure(version, prerequisites.tools)])
    return describe(measured)
  },
}

async function measure(version: EngineVersion, tools: Tools): Promise<Starts> {
  const namespace = await EngineNamespace.open()
  try {
    const starts: Starts = { none: new Samples(), many: new Samples(), dead: new Samples() }
    const engine = new DockerEngine(namespace, tools, version)
    const convoy = new ConvoyProcess(namespace)
    await convoy.start()
    await engine.start()
    await restart(engine, starts.none)
    await createVolumes(engine, volumes)
    await restart(engine, starts.many)
    await removeVolumes(engine, volumesOfDead, volumes)
    await engine.stop()
    await convoy.kill()
    await starts.dead.time(() => engine.start())
    return starts
  } finally {
    await namespace.close()
  }
}

async function restart(engine: DockerEngine, samples: Samples): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await engine.stop()
    await samples.time(() => engine.start())
  }
}

async function createVolumes(engine: DockerEngine, count: number): Promise<void> {
  const client = new EngineClient(engine.socket)
  for (let index = 0; index < count; index++) await client.createVolume(`known-${index}`, 'convoy')
  client.close()
}

async function removeVolumes(engine: DockerEngine, from: number, to: number): Promise<void> {
  const client = new EngineClient(engine.socket)
  for (let index = from; index < to; index++) await client.removeVolume(`known-${index}`)
  client.close()
}

function describe(measured: readonly (readonly [EngineVersion, Starts])[]): Findings {
  return {
    method:
      `A private engine, from the start of dockerd to its first answer, ${rounds} times each: with no volume of a plugin, and ` +
      `with ${volumes} that were created through the plugin. The counter-example, once: ${volumesOfDead} volumes behind a socket ` +
      'on which nobody answers. Milliseconds.',
    tables: [
      {
        columns: [
          'Docker',
          'no volumes: min, p50',
          `${volumes} volumes: min, p50`,
          `${volumesOfDead}, and nobody answers`,
        ],
        rows: measured.map(([version, { none, many, dead }]) => [
          version,
          ...[none, many].map(({ min, p50 }) => `${formatMs(min)}, ${formatMs(p50)}`),
          formatMs(dead.min),
        ]),
      },
    ],
    verdicts: measured.map(([version, { none, many }]) =>
      isAtMost(
        `Docker ${version} with 1,000 volumes starts ≤ 1 s later than with none (p50)`,
        many.p50 - none.p50,
        1000,
        'ms',
      ),
    ),
  }
}
