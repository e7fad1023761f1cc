import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConvoyError } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import { keepCode } from './code-cache.js'

const ownFiles = ['package.json', 'build/program', 'systemd', 'plugin-spec', 'man', 'README.md', 'LICENSE'] as const

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

  /** ConvoyError `not-found` when something is not built, `unsupported` when it was built for another kind of machine. */
  check(): void {
    const missing = ownFiles.map((path) => join(this.root, path)).find((path) => !existsSync(path))
    if (missing !== undefined) {
      throw new ConvoyError('not-found', `${missing} is missing`, { hint: 'run "npm ci" there first' })
    }
    const builtFor = this.read('build/program/machine').trim()
    if (builtFor === thisMachine()) return
    // A part of SQLite is compiled, for one kind of machine and one Node.
    throw new ConvoyError('unsupported', `this is built for ${builtFor}, and here is ${thisMachine()}`, {
      hint: 'use a checkout: "npm ci", then "npm run install:host"',
    })
  }

  /** Puts all that convoy needs to run into a directory, and makes it ready for this Node. */
  copyTo(directory: string): void {
    for (const path of ownFiles) cpSync(join(this.root, path), join(directory, path), { recursive: true })
    keepCode(join(directory, 'build/program'))
  }
}

/** What the compiled part of SQLite depends on. */
export function thisMachine(): string {
  return `${process.platform}-${process.arch} with Node ABI ${process.versions.modules}`
}
