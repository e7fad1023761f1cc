import { execFileSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConvoyError } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'

const ownFiles = ['package.json', 'build/src', 'systemd', 'plugin-spec', 'man', 'README.md', 'LICENSE'] as const

/** What only compiling needs, 25 MB of it. */
const compilersFiles = [
  'better-sqlite3/deps',
  'better-sqlite3/src',
  'better-sqlite3/build/Release/obj*',
  'better-sqlite3/build/Release/.deps',
  'better-sqlite3/build/Release/test_extension.node',
] as const

/** Convoy as it was built: a checkout after `npm ci`, or an unpacked tarball of `npm pack`. */
export class Source {
  readonly root: string

  constructor(root: string) {
    this.root = root
  }

  get version(): string {
    const version = parseJsonObject(this.read('package.json'))?.['version']
    return typeof version === 'string' ? version : '0.0.0'
  }

  read(path: string): string {
    return readFileSync(join(this.root, path), 'utf8')
  }

  /** Writes `build/packages.tar`, for hosts without a registry and without a compiler. */
  pack(): void {
    this.#archivePackages(this.#packed)
    writeFileSync(this.#machine, `${thisMachine()}\n`)
  }

  /** Makes an unpacked tarball what a checkout is after `npm ci`. */
  unpack(): void {
    const modules = join(this.root, 'node_modules')
    if (existsSync(this.#packed) && !existsSync(modules)) extract(this.#packed, modules)
  }

  /** ConvoyError `not-found` when something is not built, `unsupported` when it was packed for another kind of machine. */
  check(): void {
    const packages = existsSync(this.#packed) ? this.#packed : join(this.root, 'node_modules')
    const missing = [...ownFiles.map((path) => join(this.root, path)), packages].find((path) => !existsSync(path))
    if (missing !== undefined) {
      throw new ConvoyError('not-found', `${missing} is missing`, { hint: 'run "npm ci" there first' })
    }
    const packedFor = existsSync(this.#packed) ? readFileSync(this.#machine, 'utf8').trim() : thisMachine()
    if (packedFor === thisMachine()) return
    // A part of SQLite is compiled, for one kind of machine and one Node.
    throw new ConvoyError('unsupported', `this tarball is for ${packedFor}, and this is ${thisMachine()}`, {
      hint: 'use a checkout: "npm ci", then "npm run install:host"',
    })
  }

  /** Puts all that convoy needs to run into a directory. */
  copyTo(directory: string): void {
    for (const path of ownFiles) cpSync(join(this.root, path), join(directory, path), { recursive: true })
    // The compiler makes no programs, only files.
    chmodSync(join(directory, 'build/src/convoy.cjs'), 0o755)
    const isPacked = existsSync(this.#packed)
    const archive = isPacked ? this.#packed : join(directory, 'packages.tar')
    if (!isPacked) this.#archivePackages(archive)
    extract(archive, join(directory, 'node_modules'))
    if (!isPacked) rmSync(archive)
  }

  #archivePackages(archive: string): void {
    const modules = join(this.root, 'node_modules')
    const list = ['ls', '--omit=dev', '--all', '--parseable']
    const listed = execFileSync('npm', list, { cwd: this.root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    const paths = listed.split('\n').filter((path) => path.startsWith(`${modules}/`))
    // What lies in the node_modules of a package is packed with it.
    const packages = paths.map((path) => relative(modules, path)).filter((path) => !path.includes('node_modules/'))
    const excluded = compilersFiles.map((path) => `--exclude=${path}`)
    execFileSync('tar', ['-C', realpathSync(modules), ...excluded, '-cf', archive, '--', ...packages])
  }

  get #packed(): string {
    return join(this.root, 'build/packages.tar')
  }

  get #machine(): string {
    return join(this.root, 'build/packages.machine')
  }
}

function extract(archive: string, directory: string): void {
  mkdirSync(directory)
  execFileSync('tar', ['-C', directory, '--no-same-owner', '-xf', archive])
}

function thisMachine(): string {
  return `${process.platform}-${process.arch} with Node ABI ${process.versions.modules}`
}

/** What this program is a part of: it runs in build/src/install. */
export const thisSource = new Source(resolve(dirname(fileURLToPath(import.meta.url)), '../../..'))
