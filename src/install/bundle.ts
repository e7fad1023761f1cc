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
const children = ['store/sqlite-worker.js', 'host/file-process-main.js', 'host/webhook-process-main.js'] as const

const addon = 'better_sqlite3.node'
const addonPackage = 'node_modules/better-sqlite3'

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

/** What `bindings` would look for in a dozen places lies beside the program. */
const addonBeside: Plugin = {
  name: 'the addon is beside',
  setup(it) {
    it.onResolve({ filter: /^bindings$/ }, () => ({ path: 'bindings', namespace: 'addon' }))
    it.onLoad({ filter: /./, namespace: 'addon' }, () => ({ contents: `module.exports = () => require('./${addon}')` }))
  },
}

/** Large, and for few: read when they are asked for. */
const onDemand = ['drivers/vfs/efs-sdk.js', 'drivers/ebs/ec2-sdk.js'] as const

const onDemandBeside: Plugin = {
  name: 'what is loaded on demand is beside',
  setup(it) {
    it.onResolve({ filter: /\/(?:efs|ec2)-sdk\.js$/ }, ({ kind, path }) =>
      kind === 'entry-point' ? undefined : { path: `./${basename(path)}`, external: true },
    )
  },
}

/**
 * The SDK describes hundreds of actions of EC2 in one module, where computed keys keep esbuild from leaving out what nobody uses.
 * With the keys written out four fifths of it are left out.
 */
const onlyUsedActions: Plugin = {
  name: 'only the actions of EC2 that are used',
  setup(it) {
    it.onLoad({ filter: /\/client-ec2\/dist-es\/schemas\/\w+\.js$/ }, ({ path }) => {
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
  external: [`./${addon}`],
  plugins: [leaveOut, addonBeside, onDemandBeside],
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
copyFileSync(join(root, addonPackage, 'build/Release', addon), join(program, addon))
writeFileSync(join(program, 'package.json'), '{ "type": "commonjs" }\n')
writeFileSync(join(program, 'machine'), `${thisMachine()}\n`)
writeFileSync(join(program, 'LICENSES'), licensesOf([...new Set(inputs.flat())].sort()))
keepCode(program)

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
  const folders = files.flatMap((file) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? [])
  return [...new Set([...folders, addonPackage])]
    .map((folder) => {
      const names = readdirSync(join(root, folder)).filter((name) => /^(?:licen[cs]e|copying|notice)/i.test(name))
      const texts = names.map((name) => readFileSync(join(root, folder, name), 'utf8').trim())
      return `${folder.replace(/.*node_modules\//, '')}\n\n${texts.join('\n\n')}\n`
    })
    .join(`\n${'-'.repeat(80)}\n\n`)
}
