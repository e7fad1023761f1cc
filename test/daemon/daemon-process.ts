import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { type HttpAnswer, httpOverSocket, PluginClient } from '../engine/plugin-client.js'
import { eventually } from '../engine/polling.js'

export const mainProgram = fileURLToPath(new URL('../../program/convoy.cjs', import.meta.url))

/** The same, before it was bundled: to see which modules are loaded. */
export const moduleProgram = fileURLToPath(new URL('../../src/convoy.cjs', import.meta.url))

export interface DaemonSettings {
  /** Further arguments of `convoy daemon`. */
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Instead of vfs alone, which is its default. */
  readonly drivers?: readonly string[]
  /** Replaces the program and its first arguments: to start it in some other way. */
  readonly launch?: readonly string[]
  /** It will not ask its storage: its database cannot be used, or it is to be seen before it has. */
  readonly isIncomplete?: boolean
}

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** The real program, with its root, its volumes and its sockets in a directory of its own. */
export class DaemonProcess {
  readonly directory: string
  readonly root: string
  readonly volumes: string
  readonly pluginSocket: string
  readonly controlSocket: string
  readonly plugin: PluginClient
  /** All that it wrote, of all its lives. */
  output = ''
  #child: ChildProcess | undefined
  #ended: Promise<Ended> = Promise.resolve({ code: null, signal: null })

  constructor(t: Pick<Test, 'teardown'>, directory = mkdtempSync(join(tmpdir(), 'convoy-daemon-'))) {
    this.directory = directory
    this.root = join(directory, 'root')
    this.volumes = join(directory, 'volumes')
    this.pluginSocket = join(directory, 'plugin.sock')
    this.controlSocket = join(directory, 'control.sock')
    this.plugin = new PluginClient(this.pluginSocket)
    mkdirSync(this.volumes, { recursive: true })
    t.teardown(async () => {
      await this.kill()
      rmSync(directory, { recursive: true, force: true })
    })
  }

  get arguments(): readonly string[] {
    return [...this.#places, '--driver-opts', `vfs.path=${this.volumes}`]
  }

  get #places(): readonly string[] {
    return ['daemon', '--root', this.root, '--plugin-socket', this.pluginSocket, '--socket', this.controlSocket]
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts it, and resolves once it is ready and has asked its storage which volumes there are. */
  async start(settings: DaemonSettings = {}): Promise<this> {
    const from = this.output.length
    this.launch(settings)
    await eventually('the daemon is ready', () => {
      if (!this.isRunning) throw new Error(this.output.slice(from))
      return this.output.slice(from).includes('"msg":"ready"')
    })
    const isComplete = async () => (await this.plugin.get('no-such-volume')).Err !== undefined
    if (settings.isIncomplete !== true) await eventually('it knows its volumes', isComplete)
    return this
  }

  launch({ args = [], env = {}, drivers = [], launch = [process.execPath, mainProgram] }: DaemonSettings = {}): void {
    const usual = drivers.length === 0 || drivers.includes('vfs') ? this.arguments : this.#places
    const chosen = drivers.flatMap((driver) => ['--drivers', driver])
    // env -i, because tap puts its own NODE_OPTIONS into every process that Node starts.
    const variables = Object.entries({ PATH: process.env['PATH'] ?? '', ...env }).map((entry) => entry.join('='))
    const child = spawn('/usr/bin/env', ['-i', ...variables, ...launch, ...usual, ...chosen, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (this.output += String(data)))
    this.#child = child
    this.#ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })))
  }

  /** How it ends, by itself or because it was told to. */
  get ended(): Promise<Ended> {
    return this.#ended
  }

  stop(): Promise<Ended> {
    if (this.isRunning) this.#child?.kill('SIGTERM')
    return this.#ended
  }

  kill(): Promise<Ended> {
    if (this.isRunning) this.#child?.kill('SIGKILL')
    return this.#ended
  }

  volume(...path: string[]): string {
    return join(this.volumes, ...path)
  }

  /** Runs it with arguments that it will refuse; resolves to how it ended and what it wrote. */
  async refusal(settings: DaemonSettings = {}): Promise<Ended & { readonly output: string }> {
    const from = this.output.length
    this.launch(settings)
    return { ...(await this.ended), output: this.output.slice(from) }
  }

  control(method: string, path: string, body?: unknown): Promise<HttpAnswer> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    return httpOverSocket(this.controlSocket, { method, path, ...sent })
  }

  /** The Status of a volume; rejects when it is not there. */
  async status(name: string): Promise<Readonly<Record<string, unknown>>> {
    const { Volume, Err } = await this.plugin.get(name)
    if (Volume?.Status === undefined) throw new Error(Err)
    return Volume.Status
  }
}
