import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { nearestDirectory, readDirectories, readIfThere, readLink } from './files.js'
import type { Layout } from './layout.js'
import { formatRecord, hashOf, hashOfTree, type InstallRecord, readRecord } from './record.js'
import type { Source } from './source.js'
import type { WantedFile } from './wanted.js'

/** One thing that an installation does, or leaves. */
export interface Step {
  readonly verb: 'install' | 'write' | 'link' | 'keep' | 'remove' | 'unmount'
  readonly path: string
  /** Why something is kept. */
  readonly reason?: string
  readonly act: () => void
}

export interface InstallationSettings {
  readonly layout: Layout
  /** Put before every path that is looked at or written: '' for this host. */
  readonly destination: string
}

type FileState = 'absent' | 'current' | 'old' | 'edited' | 'foreign'

const nothing = () => undefined

/** Convoy as it is installed on a host, or will be. Nothing of the user's is overwritten or removed. */
export class Installation {
  readonly #layout: Layout
  readonly #destination: string
  readonly #record: InstallRecord | undefined

  constructor({ layout, destination }: InstallationSettings) {
    this.#layout = layout
    this.#destination = destination
    this.#record = readRecord(this.#at(this.#recordPath))
  }

  get isThere(): boolean {
    return this.#record !== undefined
  }

  /** Paths where something is that is neither ours nor what we would put there. */
  conflicts(files: readonly WantedFile[]): readonly string[] {
    const foreign = files.filter((file) => this.#stateOf(file) === 'foreign').map(({ path }) => path)
    return this.#stateOfCommand() === 'foreign' ? [this.#layout.command, ...foreign] : foreign
  }

  /** What makes this host have the release and the files. After an interruption it does the rest. */
  install(source: Source, files: readonly WantedFile[]): readonly Step[] {
    const release = join(
      this.#layout.library,
      `${source.version}-${hashOfTree(join(source.root, 'build/program')).slice(0, 8)}`,
    )
    const stale = files.filter((file) => ['absent', 'old'].includes(this.#stateOf(file)))
    const edited = files.filter((file) => this.#stateOf(file) === 'edited')
    const before = this.#record ?? new Map<string, readonly string[]>()
    const after = new Map(files.map(({ path, content }) => [path, [hashOf(content)]]))
    const either = new Map([...after].map(([path, hashes]) => [path, [...hashes, ...(before.get(path) ?? [])]]))
    const settled = new Map([...after, ...edited.map(({ path }) => [path, before.get(path) ?? []] as const)])
    return [
      this.#recordStep(either),
      ...this.#releaseSteps(source, release),
      ...stale.map(({ path, content }) => this.#step('write', path, () => this.#write(path, content))),
      ...edited.map(({ path }) => ({ verb: 'keep', path, reason: 'it was changed by hand', act: nothing }) as const),
      ...this.#linkSteps(release),
      this.#recordStep(settled),
    ]
  }

  /** What takes all of it away again, except what was changed by hand, the configuration and the volumes. */
  uninstall(): readonly Step[] {
    const files = [...(this.#record ?? [])].flatMap(([path, hashes]): readonly Step[] => {
      const found = readIfThere(this.#at(path))
      if (found === undefined) return []
      if (hashes.includes(hashOf(found))) return [this.#removal(path)]
      return [{ verb: 'keep', path, reason: 'it was changed by hand', act: nothing }]
    })
    const command = this.#stateOfCommand() === 'current' ? [this.#removal(this.#layout.command)] : []
    if (!this.isThere) return [...files, ...command]
    const { library } = this.#layout
    const releases = readDirectories(this.#at(library)).map((name) => this.#releaseRemoval(name))
    // The record goes last, so that after an interruption this can be run again.
    return [...files, ...command, ...releases, this.#removal(library)]
  }

  /** Throws what the system says where something could not be written: half an installation is worse than none. */
  checkWritable(files: readonly WantedFile[]): void {
    for (const path of [this.#layout.command, this.#recordPath, ...files.map((file) => file.path)])
      fs.accessSync(`${nearestDirectory(this.#at(path))}/`, fs.constants.W_OK)
  }

  #stateOf({ path, content }: WantedFile): FileState {
    const found = readIfThere(this.#at(path))
    if (found === undefined) return 'absent'
    if (found === content) return 'current'
    const ours = this.#record?.get(path)
    if (ours === undefined) return 'foreign'
    return ours.includes(hashOf(found)) ? 'old' : 'edited'
  }

  #stateOfCommand(): FileState {
    const { command, program } = this.#layout
    const found = fs.lstatSync(this.#at(command), { throwIfNoEntry: false })
    if (found === undefined) return 'absent'
    return readLink(this.#at(command)) === program ? 'current' : 'foreign'
  }

  /** A release never changes once it is there: a running daemon goes on loading its own parts, and the one before is kept. */
  #releaseSteps(source: Source, release: string): readonly Step[] {
    if (fs.existsSync(this.#at(release))) return []
    const copy = () => {
      const partial = this.#at(`${release}.partial`)
      fs.rmSync(partial, { recursive: true, force: true })
      source.copyTo(partial)
      // A release that has its name is whole, also after a power cut.
      spawnSync('sync', ['--file-system', partial])
      fs.renameSync(partial, this.#at(release))
    }
    const kept = new Set(
      [release, readLink(this.#at(join(this.#layout.library, 'current')))].map((path) => basename(path ?? '')),
    )
    const older = readDirectories(this.#at(this.#layout.library)).filter((name) => !kept.has(name))
    return [this.#step('install', release, copy), ...older.map((name) => this.#releaseRemoval(name))]
  }

  #linkSteps(release: string): readonly Step[] {
    const { library, command, program } = this.#layout
    const links = [
      { path: join(library, 'current'), target: release },
      { path: command, target: program },
    ]
    return links
      .filter(({ path, target }) => readLink(this.#at(path)) !== target)
      .map(({ path, target }) => this.#step('link', path, () => this.#link(path, target)))
  }

  #recordStep(record: InstallRecord): Step {
    return this.#step('write', this.#recordPath, () => this.#write(this.#recordPath, formatRecord(record)))
  }

  #removal(path: string): Step {
    return this.#step('remove', path, () => fs.rmSync(this.#at(path), { recursive: true, force: true }))
  }

  /** A part of a release must never be taken for a whole one: it loses its name first. */
  #releaseRemoval(name: string): Step {
    const release = join(this.#layout.library, name)
    const [path, partial] = [this.#at(release), this.#at(`${release}.partial`)]
    if (name.endsWith('.partial')) return this.#removal(release)
    return this.#step('remove', release, () => {
      fs.rmSync(partial, { recursive: true, force: true })
      fs.renameSync(path, partial)
      fs.rmSync(partial, { recursive: true, force: true })
    })
  }

  #step(verb: Step['verb'], path: string, act: () => void): Step {
    return { verb, path, act }
  }

  #write(path: string, content: string): void {
    this.#replace(path, (partial) => fs.writeFileSync(partial, content, { mode: 0o644 }))
  }

  #link(path: string, target: string): void {
    this.#replace(path, (partial) => fs.symlinkSync(target, partial))
  }

  /** In one step: at every moment the old or the new one is there. */
  #replace(path: string, make: (partial: string) => void): void {
    const file = this.#at(path)
    fs.mkdirSync(dirname(file), { recursive: true, mode: 0o755 })
    fs.rmSync(`${file}.partial`, { force: true })
    make(`${file}.partial`)
    fs.renameSync(`${file}.partial`, file)
  }

  get #recordPath(): string {
    return join(this.#layout.library, 'installed.json')
  }

  #at(path: string): string {
    return `${this.#destination}${path}`
  }
}
