import { execa } from 'execa'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConvoyProcess } from '../test/engine/convoy-process.js'
import { DockerEngine } from '../test/engine/docker-engine.js'
import { EngineNamespace } from '../test/engine/engine-namespace.js'
import { findPrerequisites } from '../test/engine/prerequisites.js'
import type { Benchmark } from './benchmark.js'
import { formatMs, isAtMost } from './report.js'
import { Samples } from './statistics.js'

const checkout = fileURLToPath(new URL('../..', import.meta.url))

/** What somebody waits for who tries convoy. */
export const firstVolumeBenchmark: Benchmark = {
  name: 'first-volume',
  title: 'From a clone to the first volume',
  async run({ directory }) {
    const prerequisites = findPrerequisites()
    if ('missing' in prerequisites) return { method: `Not run: ${prerequisites.missing}.`, tables: [], verdicts: [] }
    const clone = join(directory, 'convoy')
    await execa('git', ['clone', '--quiet', checkout, clone])
    const namespace = await EngineNamespace.open()
    try {
      const engine = new DockerEngine(namespace, prerequisites.tools, '29')
      await engine.start()
      const install = new Samples()
      const rest = new Samples()
      await install.time(() => execa('npm', ['ci', '--no-fund', '--no-audit'], { cwd: clone }))
      await rest.time(async () => {
        await new ConvoyProcess(namespace, { program: join(clone, 'build/program/convoy.cjs') }).start()
        await engine.docker('volume', 'create', '-d', 'convoy', 'first')
      })
      const row = [install.min, rest.min, install.min + rest.min].map(formatMs)
      return {
        method:
          'Once, in a fresh clone of what is committed, beside a Docker 29 that runs. npm takes its packages from where it is set up to. Milliseconds.',
        tables: [{ columns: ['`npm ci`', 'start of the daemon, `docker volume create`', 'in all'], rows: [row] }],
        verdicts: [isAtMost('From npm ci to the first volume ≤ 2 min', (install.min + rest.min) / 1000, 120, 's')],
      }
    } finally {
      await namespace.close()
    }
  },
}
