import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import type { Environment } from '../../src/cli/environment.js'
import type { Terminal } from '../../src/cli/terminal.js'
import { type Outcome, runInProcess } from '../fakes/command-line.js'

type Screen = Omit<Terminal, 'out' | 'err'>

/** A host with a directory to back up, room for repositories, and a place for a key that is not there yet. */
export class RepositoryBench {
  readonly folder: string
  readonly destination: string
  readonly keyFile: string
  readonly source: string

  constructor(t: Test) {
    this.folder = t.testdir()
    this.source = this.pathOf('source')
    this.keyFile = this.pathOf('config/repository.key')
    mkdirSync(this.source)
    mkdirSync(this.pathOf('store'))
    this.destination = `vfs://${this.pathOf('store')}`
  }

  pathOf(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, content: string | Buffer): string {
    const path = this.pathOf(name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content, { mode: 0o600 })
    return path
  }

  readonly convoy = (...argv: readonly string[]): Promise<Outcome> => this.on({}, ...argv)

  /** With those parts of a terminal. */
  on(screen: Screen, ...argv: readonly string[]): Promise<Outcome> {
    return this.within({}, screen, ...argv)
  }

  within(parts: Partial<Environment>, screen: Screen, ...argv: readonly string[]): Promise<Outcome> {
    return runInProcess(argv, { now: () => new Date(), keys: { usualKeyFile: this.keyFile }, ...parts }, screen)
  }

  /** Makes a key and a repository of it. */
  async init(): Promise<void> {
    await this.convoy('repository', 'key', 'generate')
    await this.convoy('repository', 'init', this.destination)
  }

  /** Resolves to the URL of a new backup of the source. */
  async backUp(...flags: readonly string[]): Promise<string> {
    const { out } = await this.convoy('backup', 'create', '--path', this.source, '--dest', this.destination, ...flags)
    return out.trimEnd()
  }
}

/** Somebody at a terminal who types these, one after the other. */
export function typing(...answers: readonly string[]): Screen & { readonly questions: string[] } {
  const left = [...answers]
  const questions: string[] = []
  const answer = async (question: string) => {
    questions.push(question)
    return left.shift() ?? ''
  }
  return { questions, ask: answer, askSecret: answer, columns: () => 200, errColumns: () => 200 }
}
