import { build, type BuildOptions, type Plugin } from 'esbuild'
import { chmodSync, copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { keepCode } from './code-cache.js'
import { thisMachine } from './source.js'

// Run by `npm run build`: puts the program into a few files. Reading hundreds takes most of the time of a start.

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..')
const modules = join(root, 'build/src')
const program = join(root, 'build/program')

/** Processes and threads of their own. */
const children = [
  ...workersOf('store'),
  ...workersOf('repository'),
  'host/file-process-main.js',
  'host/webhook-process-main.js',
] as const

/** What is compiled, and where that is made. */
const addons = {
  'better_sqlite3.node': 'node_modules/better-sqlite3/build/Release/better_sqlite3.node',
  'zstd.node': 'node_modules/zstd-napi/build/Release/binding.node',
  'posix.node': 'src/native/build/Release/posix.node',
} as const

/** What one of them has within it. */
const compiledIn = 'node_modules/zstd-napi/deps/zstd'

const packageFolder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/

/** What packages of ours would load for uses that we have none of: Docker over SSH, and builds; servers with TLS. */
const unused = /^(?:ssh2|@grpc\/grpc-js|@grpc\/proto-loader)$/

const leaveOut: Plugin = {
  name: 'leave out',
  setup(it) {
    it.onResolve({ filter: unused }, ({ path }) => ({ path, namespace: 'unused' }))
    it.onResolve({ filter: /^node:(?:https|http2)$/ }, ({ path, importer }) =>
      importer.includes('/node_modules/fastify/') ? { path, namespace: 'unused' } : undefined,
    )
    it.onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = {}' }))
  },
}

/** The modules that load something compiled, and what they are in the program: it lies beside. */
const addonLoaders = [
  // It would look in a dozen places.
  [/\/bindings\/bindings\.js$/, "module.exports = () => require('./better_sqlite3.node')"],
  [/\/zstd-napi\/binding\.js$/, "module.exports = require('./zstd.node')"],
  [/\/host\/posix-addon\.js$/, "export const addon = require('./posix.node')"],
] as const

const addonsBeside: Plugin = {
  name: 'the addons are beside',
  setup(it) {
    for (const [filter, contents] of addonLoaders) it.onLoad({ filter }, () => ({ contents }))
  },
}

/** Large, and for few: read when they are asked for. */
const onDemand = ['drivers/vfs/efs-sdk.js', 'drivers/ebs/ec2-sdk.js', 'object-stores/s3/s3-sdk.js'] as const
const onDemandNames: ReadonlySet<string> = new Set(onDemand.map((path) => basename(path)))

const onDemandBeside: Plugin = {
  name: 'what is loaded on demand is beside',
  setup(it) {
    it.onResolve({ filter: /^\./ }, ({ kind, path }) =>
      kind !== 'entry-point' && onDemandNames.has(basename(path))
        ? { path: `./${basename(path)}`, external: true }
        : undefined,
    )
  },
}

/**
 * The SDKs describe hundreds of actions of EC2 and S3 in one module, where computed keys keep esbuild from leaving out what nobody uses.
 * With the keys written out four fifths of it are left out.
 */
const onlyUsedActions: Plugin = {
  name: 'only the actions that are used',
  setup(it) {
    it.onLoad({ filter: /\/client-(?:ec2|s3)\/dist-es\/schemas\/\w+\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8')
      const words = new Map([...text.matchAll(/^const (\w+) = ("[^"\\]*");$/gm)].map(([, name, word]) => [name, word]))
      const contents = text.replace(/\[(\w+)\]:/g, (key, name: string) => {
        const word = words.get(name)
        return word === undefined ? key : `${word}:`
      })
      return { contents }
    })
  },
}

const mainAsScript: Plugin = {
  name: 'main is a script',
  setup(it) {
    it.onResolve({ filter: /^\.\/main\.js$/ }, () => ({ path: join(modules, 'main-script.cjs') }))
  },
}

const common = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // Not minified: a stack trace names functions and lines of these files.
  legalComments: 'none',
  logLevel: 'warning',
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': 'moduleUrl' },
  external: Object.keys(addons).map((name) => `./${name}`),
  plugins: [leaveOut, addonsBeside, onDemandBeside],
} satisfies BuildOptions

const moduleUrl = 'const moduleUrl = require("node:url").pathToFileURL(__filename).href'

const asModule = { banner: { js: moduleUrl } }

/** A function, because a script of its own has none of the names that Node gives to a module. */
const asFunction = {
  banner: { js: `(function (require, __filename) { const module = { exports: {} }; ${moduleUrl}` },
  footer: { js: 'return module.exports })' },
}

rmSync(program, { recursive: true, force: true })
rmSync(join(root, 'build/main.cache'), { force: true })
const inputs = await Promise.all([
  bundle('convoy.cjs', { plugins: [mainAsScript, ...common.plugins] }),
  bundle('main.js', asFunction),
  bundle('install/main.js', { ...asModule, outfile: join(program, 'install.js') }),
  ...children.map((path) => bundle(path, asModule)),
  ...onDemand.map((path) =>
    // Of ECMAScript modules esbuild takes only what is used.
    bundle(path, { ...asModule, mainFields: ['module', 'main'], plugins: [onlyUsedActions, ...common.plugins] }),
  ),
])
chmodSync(join(program, 'convoy.cjs'), 0o755)
for (const [name, path] of Object.entries(addons)) copyFileSync(join(root, path), join(program, name))
writeFileSync(join(program, 'package.json'), '{ "type": "commonjs" }\n')
writeFileSync(join(program, 'machine'), `${thisMachine()}\n`)
writeFileSync(join(program, 'LICENSES'), licensesOf([...new Set(inputs.flat())].sort()))
keepCode(program)

function workersOf(part: string): readonly string[] {
  return readdirSync(join(modules, part), { encoding: 'utf8', recursive: true })
    .filter((path) => path.endsWith('-worker.js'))
    .map((path) => `${part}/${path}`)
}

/** Resolves to the files of the bundle. */
async function bundle(path: string, options: BuildOptions): Promise<readonly string[]> {
  const outfile = join(program, basename(path))
  const { metafile } = await build({
    ...common,
    entryPoints: [join(modules, path)],
    outfile,
    ...options,
    metafile: true,
  })
  return Object.keys(metafile.inputs)
}

/** Each package with its licence, as all of them demand. */
function licensesOf(files: readonly string[]): string {
  const folders = [...files, ...Object.values(addons)].flatMap((file) => packageFolder.exec(file)?.[0] ?? [])
  return [...new Set([...folders, compiledIn])]
    .map((folder) => {
      const names = readdirSync(join(root, folder)).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name))
      const texts = names.map((name) => readFileSync(join(root, folder, name), 'utf8').trim())
      return `${folder.replace(/.*node_modules\//, '')}\n\n${texts.join('\n\n')}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
