import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { PluginClient } from '../test/engine/plugin-client.js'

const main = fileURLToPath(new URL('../program/convoy.cjs', import.meta.url))

export interface DaemonSettings {
  /** Another node than ours. */
  readonly node?: string
  readonly nodeFlags?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
}

/** The real daemon with its root, its volumes and its sockets below one directory. */
export class BenchDaemon {
  readonly directory: string
  readonly plugin: PluginClient
  readonly #process: ChildProcess
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  private constructor(directory: string, settings: DaemonSettings) {
    this.directory = directory
    const socket = join(directory, 'plugin.sock')
    this.plugin = new PluginClient(socket, this.#agent)
    const volumes = join(directory, 'volumes')
    mkdirSync(volumes, { recursive: true })
    const sockets = ['--plugin-socket', socket, '--socket', join(directory, 'control.sock')]
    const paths = ['--root', join(directory, 'root'), '--driver-opts', `vfs.path=${volumes}`]
    const args = [...(settings.nodeFlags ?? []), main, 'daemon', ...sockets, ...paths]
    const log = openSync(join(directory, 'log'), 'a')
    // As its unit starts it.
    const env = { PATH: process.env['PATH'], MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '131072', ...settings.env }
    this.#process = spawn(settings.node ?? process.execPath, args, { stdio: ['ignore', log, log], env })
    closeSync(log)
    running.add(this.#process)
  }

  /** Without waiting for its answer. */
  static spawn(directory: string, settings: DaemonSettings = {}): BenchDaemon {
    return new BenchDaemon(directory, settings)
  }

  static async start(directory: string, settings: DaemonSettings = {}): Promise<BenchDaemon> {
    const daemon = new BenchDaemon(directory, settings)
    await daemon.untilItAnswers()
    return daemon
  }

  get pid(): number {
    if (this.#process.pid === undefined) throw new Error('the daemon could not be started')
    return this.#process.pid
  }

  /** Asks again and again, as fast as that disturbs nothing. */
  async untilItAnswers(): Promise<void> {
    for (;;) {
      if (this.#process.exitCode !== null) throw new Error(await this.#lastWords())
      if (existsSync(this.plugin.socketPath) && (await this.#answers())) return
      await sleep(1)
    }
  }

  /** Until the discovery of what the storage holds has come this far. */
  async untilItLists(volumes: number): Promise<void> {
    while ((await this.plugin.list()).length < volumes) await sleep(50)
  }

  /** Processes that the daemon started and that still run. */
  async children(): Promise<readonly number[]> {
    const text = await readFile(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
    return text.split(' ').filter(Boolean).map(Number)
  }

  async stop(): Promise<void> {
    this.#agent.destroy()
    if (this.#process.exitCode !== null) return
    this.#process.kill('SIGTERM')
    await once(this.#process, 'exit')
    running.delete(this.#process)
  }

  async #answers(): Promise<boolean> {
    return this.plugin.call('VolumeDriver.Capabilities', {}).then(
      () => true,
      () => false,
    )
  }

  async #lastWords(): Promise<string> {
    const log = await readFile(join(this.directory, 'log'), 'utf8')
    return `the daemon has ended: ${log.slice(-2000)}`
  }
}

const running = new Set<ChildProcess>()
process.on('exit', () => running.forEach((daemon) => daemon.kill('SIGKILL')))
