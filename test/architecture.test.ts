import { fileURLToPath } from 'node:url'
import t from 'tap'
import {
  ambientStateOnlyIn,
  builtinsOnlyIn,
  hasAtMostLines,
  hasNoDefaultExport,
  hasNoEnumOrNamespace,
  hasProperFileName,
  hasProperTypeNames,
  importsOnlyFrom,
  packagesOnlyIn,
  type PlaceTable,
} from './architecture/rules.js'
import { parseSource, readSources, type Rule } from './architecture/source.js'

/** Who may import whom. A new driver is one line here, and one name in the line of the registry. */
const mayImport: PlaceTable = {
  'errors.ts': [],
  model: ['errors.ts'],
  host: ['host/posix-addon.ts', 'model', 'errors.ts'],
  // What is compiled lies in the folder of its source.
  'host/posix-addon.ts': ['../../src/native'],
  store: ['model', 'errors.ts'],
  'drivers/driver.ts': ['model', 'errors.ts'],
  'drivers/registry.ts': ['drivers/driver.ts', 'drivers/vfs', 'drivers/ebs', 'model', 'errors.ts'],
  'drivers/vfs': ['drivers/driver.ts', 'type drivers/registry.ts', 'host', 'model', 'errors.ts'],
  'drivers/ebs': ['drivers/driver.ts', 'type drivers/registry.ts', 'host', 'model', 'errors.ts'],
  'object-stores/object-store.ts': ['model', 'errors.ts'],
  'object-stores/registry.ts': [
    'object-stores/object-store.ts',
    'object-stores/directory',
    'object-stores/s3',
    'host',
    'model',
    'errors.ts',
  ],
  'object-stores/directory': ['object-stores/object-store.ts', 'host', 'model', 'errors.ts'],
  'object-stores/s3': ['object-stores/object-store.ts', 'host', 'model', 'errors.ts'],
  // Bytes only: whoever writes another reader needs no more than this.
  'repository/format': ['model', 'errors.ts'],
  repository: ['repository/format', 'object-stores/object-store.ts', 'host', 'model', 'errors.ts'],
  core: ['drivers/driver.ts', 'type drivers/registry.ts', 'store', 'host', 'model', 'errors.ts'],
  api: ['core', 'model', 'errors.ts'],
  doctor: ['host', 'model', 'errors.ts'],
  // Backups need no daemon: the commands work on repositories themselves.
  cli: [
    'cli/plain-query.cts',
    'type doctor',
    'repository',
    'object-stores/registry.ts',
    'object-stores/object-store.ts',
    'host/clock.ts',
    'host/secret-file.ts',
    'model',
    'errors.ts',
  ],
  daemon: ['api', 'core', 'drivers/driver.ts', 'drivers/registry.ts', 'store', 'host', 'model', 'errors.ts'],
  // Brings the program onto a host, and needs nothing of it.
  install: ['model', 'errors.ts'],
  // Not more than they need, because scripts wait for them.
  'cli/plain-query.cts': [],
  'convoy.cts': ['cli/plain-query.cts', 'main.ts'],
  'main-script.cts': ['type main.ts'],
  // The package is described two folders above the one where it runs.
  'main.ts': ['cli', 'daemon', 'doctor', 'model', 'errors.ts', '../../package.json'],
}

/** One package, one user. */
const packageUsers: PlaceTable = {
  execa: ['host'],
  dockerode: ['host'],
  'better-sqlite3': ['store'],
  fastify: ['api'],
  '@fastify/swagger': ['api'],
  '@fastify/ajv-compiler': ['api'],
  '@fastify/fast-json-stringify-compiler': ['api'],
  '@fastify/type-provider-typebox': ['api'],
  typebox: ['api'],
  pino: ['daemon'],
  yaml: ['daemon'],
  commander: ['cli', 'main.ts', 'install'],
  'string-width': ['cli'],
  'p-retry': ['core'],
  // Makes the program, and is no part of it.
  esbuild: ['install/bundle.ts'],
  '@aws-sdk/client-ec2': ['drivers/ebs'],
  '@aws-sdk/client-efs': ['drivers/vfs'],
  '@aws-sdk/client-s3': ['object-stores/s3'],
  'zstd-napi': ['repository'],
  '@scure/bip39': ['repository'],
  ignore: ['repository'],
}

const machine = ['convoy.cts', 'main.ts', 'main-script.cts', 'daemon', 'host', 'install']
const builtinUsers: PlaceTable = {
  'node:child_process': machine,
  'node:cluster': machine,
  'node:worker_threads': [...machine, 'store', 'repository'],
  'node:timers': machine,
  'node:timers/promises': machine,
  'node:fs': ['main-script.cts', 'host', 'store', 'daemon', 'install', 'object-stores/directory'],
  'node:fs/promises': ['host', 'store', 'daemon', 'object-stores/directory'],
}

const rules: Readonly<Record<string, Rule>> = {
  'a part imports only the parts below it': importsOnlyFrom(mayImport),
  'a package has one user': packagesOnlyIn(packageUsers),
  'files, processes, threads and timers of Node have few users': builtinsOnlyIn(builtinUsers),
  'clock, timers and environment are read at the edge only': ambientStateOnlyIn(machine),
  'a file is named for what it holds': hasProperFileName,
  'a type is named for what it is': hasProperTypeNames,
  'a file has at most 300 lines': hasAtMostLines(300),
  'nothing is exported as default': hasNoDefaultExport,
  'there are no enums and namespaces': hasNoEnumOrNamespace,
}

// Tests run from build/test.
const sources = readSources(fileURLToPath(new URL('../../src', import.meta.url)))

t.test('the sources are found', async (t) => {
  const paths = sources.map(({ path }) => path)
  for (const path of ['errors.ts', 'main.ts', 'convoy.cts', 'model/volume.ts', 'cli/command-line.ts'])
    t.ok(paths.includes(path), path)
})

for (const [sentence, rule] of Object.entries(rules))
  t.test(`in src, ${sentence}`, async (t) => {
    t.strictSame(sources.flatMap(rule), [])
  })

/** Rule, path, text, and the line of what is found in it, or 0 for nothing. */
type Case = readonly [rule: Rule, path: string, text: string, line: number]

const layers = importsOnlyFrom(mayImport)
const packages = packagesOnlyIn(packageUsers)
const builtins = builtinsOnlyIn(builtinUsers)
const ambient = ambientStateOnlyIn(machine)
const lines = hasAtMostLines(3)

const cases: Readonly<Record<string, readonly Case[]>> = {
  'imports between parts': [
    [layers, 'core/mounts.ts', "import { x } from '../model/volume.js'", 0],
    [layers, 'core/mounts.ts', "import './volumes.js'\nimport { x } from '../api/server.js'", 2],
    [layers, 'core/mounts.ts', "import type { X } from '../api/server.js'", 1],
    [layers, 'core/mounts.ts', "export { x } from '../api/server.js'", 1],
    [layers, 'core/mounts.ts', "export * from '../api/server.js'", 1],
    [layers, 'core/mounts.ts', "const x = await import('../api/server.js')", 1],
    [layers, 'core/mounts.ts', "type X = import('../api/server.js').X", 1],
    [layers, 'core/mounts.ts', "import x = require('../api/server.js')", 1],
    [layers, 'core/mounts.ts', "createRequire(import.meta.url)('../api/server.js')", 1],
    [layers, 'core/mounts.ts', "new Worker(new URL('../api/worker.js', import.meta.url))", 1],
    [layers, 'core/mounts.ts', 'await import(`../api/${x}.js`)', 1],
    [layers, 'core/mounts.ts', "// import { x } from '../api/server.js'\nconst x = \"import '../api/server.js'\"", 0],
    [layers, 'core/mounts.ts', "import type { DriverRegistry } from '../drivers/registry.js'", 0],
    [layers, 'core/mounts.ts', "import { driverKinds } from '../drivers/registry.js'", 1],
    [layers, 'core/mounts.ts', "import { type X } from '../drivers/registry.js'", 1],
    [layers, 'core/mounts.ts', "import { x } from '../drivers/vfs/vfs-driver.js'", 1],
    [layers, 'drivers/vfs/vfs-driver.ts', "import { x } from './vfs-options.js'\nimport { x } from '../driver.js'", 0],
    [layers, 'drivers/vfs/vfs-driver.ts', "import { x } from '../ebs/ebs-driver.js'", 1],
    [layers, 'drivers/vfs/vfs-driver.ts', "import { x } from '../../core/volumes.js'", 1],
    [layers, 'drivers/vfs/vfs-driver.ts', "import { x } from '../../store/ledger.js'", 1],
    [layers, 'model/volume.ts', "import { x } from '../host/clock.js'", 1],
    [layers, 'model/volume.ts', "import { x } from '../../test/fakes/x.js'", 1],
    [layers, 'model/volume.ts', "import { x } from '..'", 1],
    [layers, 'errors.ts', "import { x } from './model/volume.js'", 1],
    [layers, 'cli/session.ts', "import x from './plain-query.cjs'", 0],
    [layers, 'cli/plain-query.cts', "import x = require('./session.js')", 1],
    [layers, 'cli/session.ts', "import { x } from '../core/volumes.js'", 1],
    [layers, 'cli/session.ts', "import type { X } from '../daemon/config.js'", 1],
    [layers, 'store/ledger.ts', "import { x } from '../storekeeper/x.js'", 1],
    [layers, 'daemon/daemon.ts', "import { x } from '../cli/session.js'", 1],
    [layers, 'drivers/nfs/nfs-driver.ts', '', 1],
    [layers, 'elsewhere/x.ts', '', 1],
  ],
  'users of packages': [
    [packages, 'host/exec.ts', "import { execa } from 'execa'", 0],
    [packages, 'core/mounts.ts', "import { execa } from 'execa'", 1],
    [packages, 'core/mounts.ts', "import type { Logger } from 'pino'", 1],
    [packages, 'api/schemas.ts', "import { Value } from 'typebox/value'", 0],
    [packages, 'core/schemas.ts', "import { Value } from 'typebox/value'", 1],
    [packages, 'drivers/vfs/efs.ts', "import { EFS } from '@aws-sdk/client-efs'", 0],
    [packages, 'drivers/ebs/efs.ts', "import { EFS } from '@aws-sdk/client-efs'", 1],
    [packages, 'main.ts', "import { Command } from 'commander'\nimport 'left-pad'", 2],
    [packages, 'host/exec.ts', "import 'constructor'", 1],
    [packages, 'host/exec.ts', "import { readFileSync } from 'fs'", 1],
    [packages, 'hosts/exec.ts', "import { execa } from 'execa'", 1],
  ],
  'users of modules of Node': [
    [builtins, 'core/mounts.ts', "import { join } from 'node:path'", 0],
    [builtins, 'core/mounts.ts', "import { readFile } from 'node:fs/promises'", 1],
    [builtins, 'core/mounts.ts', "import type { Stats } from 'node:fs'", 0],
    [builtins, 'cli/session.ts', "import { readFileSync } from 'node:fs'", 1],
    [builtins, 'drivers/vfs/vfs-driver.ts', "import { readFileSync } from 'node:fs'", 1],
    [builtins, 'store/ledger.ts', "import 'node:worker_threads'\nimport 'node:fs'\nimport 'node:child_process'", 3],
    [builtins, 'host/exec.ts', "import 'node:child_process'\nimport 'node:timers/promises'", 0],
    [builtins, 'core/jobs.ts', "import { setTimeout } from 'node:timers/promises'", 1],
  ],
  'clock, timers and environment': [
    [ambient, 'core/mounts.ts', 'const x = process.env', 1],
    [ambient, 'core/mounts.ts', "const x = process['env']", 1],
    [ambient, 'core/mounts.ts', 'const { env } = process', 1],
    [ambient, 'core/mounts.ts', 'const { env: x } = process', 1],
    [ambient, 'core/mounts.ts', "import { env } from 'node:process'", 1],
    [ambient, 'core/mounts.ts', 'const x = globalThis.process.env', 1],
    [ambient, 'core/mounts.ts', 'const { env } = options\nconst x = options.env', 0],
    [ambient, 'core/mounts.ts', 'const x = process.cwd()', 0],
    [ambient, 'core/mounts.ts', 'const x = Date.now()', 1],
    [ambient, 'core/mounts.ts', 'const now = Date.now', 1],
    [ambient, 'core/mounts.ts', 'const x = new Date()', 1],
    [ambient, 'core/mounts.ts', 'const x = Date()', 1],
    [ambient, 'core/mounts.ts', 'const x = new Date(text)\nconst y = deps.now()', 0],
    [ambient, 'core/mounts.ts', 'x()\nsetTimeout(x, 1)', 2],
    [ambient, 'core/mounts.ts', 'globalThis.setInterval(x, 1)', 1],
    [ambient, 'core/mounts.ts', 'start({ setTimeout })', 1],
    [ambient, 'core/mounts.ts', 'const wait = setTimeout', 1],
    [ambient, 'core/mounts.ts', 'socket.setTimeout(1)', 0],
    [ambient, 'core/mounts.ts', 'interface Clock { setTimeout: typeof setTimeout }\n// setTimeout(x, 1)', 0],
    [ambient, 'host/clock.ts', 'setTimeout(x, Date.now())', 0],
    [ambient, 'main.ts', 'const x = process.env', 0],
  ],
  names: [
    [hasProperFileName, 'core/volume-locks.ts', '', 0],
    [hasProperFileName, 'store/migrations/001-first-schema.ts', '', 0],
    [hasProperFileName, 'store/database.ts', '', 0],
    [hasProperFileName, 'core/utils.ts', '', 1],
    [hasProperFileName, 'core/volume-manager.ts', '', 1],
    [hasProperFileName, 'core/common/locks.ts', '', 1],
    [hasProperFileName, 'core/VolumeLocks.ts', '', 1],
    [hasProperFileName, 'core/volume_locks.ts', '', 1],
    [hasProperTypeNames, 'core/x.ts', 'export class VolumeLocks {}\ninterface IopsRange {}\ntype Database = 1', 0],
    [hasProperTypeNames, 'core/x.ts', '\nexport class LocksImpl {}', 2],
    [hasProperTypeNames, 'core/x.ts', 'interface ILocks {}', 1],
    [hasProperTypeNames, 'core/x.ts', 'type LockManager = 1', 1],
  ],
  'size and form of a file': [
    [lines, 'core/x.ts', '1\n2\n3\n', 0],
    [lines, 'core/x.ts', '1\n2\n3\n4\n', 4],
    [hasNoDefaultExport, 'core/x.ts', 'export const x = 1\nexport { y as z }', 0],
    [hasNoDefaultExport, 'core/x.ts', '\nexport default 1', 2],
    [hasNoDefaultExport, 'core/x.ts', 'export default function x() {}', 1],
    [hasNoDefaultExport, 'core/x.ts', 'export default class {}', 1],
    [hasNoDefaultExport, 'core/x.ts', 'export { x as default }', 1],
    [hasNoDefaultExport, 'core/x.ts', "export { default } from './y.js'", 1],
    [hasNoDefaultExport, 'core/x.ts', 'export = 1', 1],
    [hasNoDefaultExport, 'core/x.cts', 'export = { x, y }', 0],
    [hasNoEnumOrNamespace, 'core/x.ts', 'enum Colour { Red }', 1],
    [hasNoEnumOrNamespace, 'core/x.ts', 'export const enum Colour { Red }', 1],
    [hasNoEnumOrNamespace, 'core/x.ts', 'export namespace Volumes {}', 1],
    [hasNoEnumOrNamespace, 'core/x.ts', "declare module 'fastify' {}\ndeclare global {}", 0],
  ],
}

for (const [topic, list] of Object.entries(cases))
  t.test(`the checker of ${topic} finds what it must, and nothing else`, async (t) => {
    for (const [rule, path, text, line] of list) {
      const found = rule(parseSource(path, text))
      const expected = line === 0 ? [] : [`${path}:${line}`]
      t.strictSame([...new Set(found.map((finding) => finding.split(' ')[0]))], expected, `${path}: ${text}`)
    }
  })
