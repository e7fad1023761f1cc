import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { NamespaceProcess } from './namespace-process.js'
import { eventually } from './polling.js'
import { sourceFile } from './prerequisites.js'

/**
 * A mount and a network namespace with a private /run and /etc/docker, so that an engine started here neither finds the
 * host's plugins nor touches its bridge. One cgroup holds every process, so that all of them die with the test.
 */
export class EngineNamespace {
  /** Everything that a test writes is below this directory, which is the same path inside and outside. */
  readonly directory: string
  /** The parent of the containers' cgroups. */
  readonly cgroup: string
  readonly #holder: ChildProcess
  readonly #holderPid: number

  private constructor(directory: string, holder: ChildProcess, holderPid: number) {
    this.directory = directory
    this.cgroup = basename(directory)
    this.#holder = holder
    this.#holderPid = holderPid
  }

  static async open(): Promise<EngineNamespace> {
    const directory = await mkdtemp('/var/tmp/convoy-engine-')
    const arguments_ = [sourceFile('namespace.sh'), directory, basename(directory)]
    // Detached, so that a signal for the test's process group does not end what has to clean up after it.
    const holder = spawn('bash', arguments_, { stdio: ['pipe', 'pipe', 'inherit'], detached: true })
    let said = ''
    holder.stdout.on('data', (data: Buffer) => (said += data.toString()))
    const pid = await eventually('the namespaces are set up', () => {
      if (holder.exitCode !== null) throw new Error(`namespace.sh ended with ${holder.exitCode}`)
      return /^ready (\d+)$/m.exec(said)?.[1]
    })
    return new EngineNamespace(directory, holder, Number(pid))
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts)
  }

  /** Runs a command inside to its end; resolves to what it printed. */
  async run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await execa('nsenter', [...this.#enter(), command, ...args])
    return stdout
  }

  /** Starts a process inside; what it says is appended to its log. */
  async start(
    name: string,
    command: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<NamespaceProcess> {
    const { PATH = '', HOME = '' } = process.env
    const variables = Object.entries({ PATH, HOME, ...env }).map(([key, value]) => `${key}=${value}`)
    const log = openSync(this.log(name), 'a')
    try {
      // By env(1), because tap adds variables to whatever is spawned that load its instruments into every Node process.
      const child = spawn('nsenter', [...this.#enter(), 'env', '-i', ...variables, ...command], {
        stdio: ['ignore', log, log],
      })
      await once(child, 'spawn')
      return new NamespaceProcess(child)
    } finally {
      closeSync(log)
    }
  }

  log(name: string): string {
    return this.path('logs', `${name}.log`)
  }

  /** Kills every process inside and removes the directory. */
  async close(): Promise<void> {
    const ended = once(this.#holder, 'exit')
    this.#holder.stdin?.end()
    await ended
  }

  /** nsenter(1) becomes the command: the process keeps its id. */
  #enter(): string[] {
    const join = this.path('cgroup2', this.cgroup, 'processes', 'cgroup.procs')
    const namespaces = [`--mount=/proc/${this.#holderPid}/ns/mnt`, `--net=/proc/${this.#holderPid}/ns/net`]
    return [...namespaces, '--', 'sh', '-c', 'echo $$ >"$0" && exec "$@"', join]
  }
}
