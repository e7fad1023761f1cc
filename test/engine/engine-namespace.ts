import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable, Writable } from 'node:stream'
import { execa } from 'execa'
import { NamespaceProcess } from './namespace-process.js'
import { eventually } from './polling.js'

type FirstProcess = ChildProcessByStdio<Writable, Readable, null>

/**
 * Mount, network and process namespaces of their own, with a private /run and /etc/docker, so that an engine started here
 * neither finds the host's plugins nor touches its bridge, and that all of it dies with this process however that ends.
 */
export class EngineNamespace {
  /** Everything that a test writes is below this directory, which is the same path inside and outside. */
  readonly directory: string
  readonly #first: FirstProcess

  private constructor(directory: string, first: FirstProcess) {
    this.directory = directory
    this.#first = first
  }

  static async open(): Promise<EngineNamespace> {
    const directory = await mkdtemp('/var/tmp/convoy-engine-')
    await Promise.all(['run', 'etc-docker', 'logs'].map(async (name) => mkdir(join(directory, name))))
    const script = join(directory, 'first-process.sh')
    await writeFile(script, firstProcess(directory))
    const flags = ['-m', '-n', '-p', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private']
    const first = spawn('unshare', [...flags, 'bash', script], { stdio: ['pipe', 'pipe', 'inherit'] })
    let said = ''
    first.stdout.on('data', (data: Buffer) => (said += data.toString()))
    await eventually('the namespaces are set up', () => {
      if (first.exitCode !== null) throw new Error(`unshare ended with ${first.exitCode}`)
      return said.includes('ready')
    })
    return new EngineNamespace(directory, first)
  }

  path(...parts: string[]): string {
    return join(this.directory, ...parts)
  }

  /** Runs a command inside to its end; resolves to what it printed. */
  async run(command: string, ...args: string[]): Promise<string> {
    const { stdout } = await execa('nsenter', [...this.#enter(), command, ...args])
    return stdout
  }

  /** Starts a process inside; what it says is appended to logs/NAME.log. */
  async start(name: string, command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<NamespaceProcess> {
    const log = openSync(this.log(name), 'a')
    try {
      const entering = spawn('nsenter', [...this.#enter(), ...command], {
        stdio: ['ignore', log, log],
        // Not ours: tap's would have its instruments loaded into the daemon.
        env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
      })
      return await NamespaceProcess.of(entering)
    } finally {
      closeSync(log)
    }
  }

  log(name: string): string {
    return this.path('logs', `${name}.log`)
  }

  /** Ends every process inside and removes the directory. */
  async close(): Promise<void> {
    const ended = once(this.#first, 'exit')
    this.#first.stdin.end()
    await ended
    await execa('rm', ['-rf', '--one-file-system', this.directory])
  }

  #enter(): string[] {
    const namespaces = `/proc/${String(this.#first.pid)}/ns`
    return [`--mount=${namespaces}/mnt`, `--net=${namespaces}/net`, `--pid=${namespaces}/pid_for_children`, '--']
  }
}

/**
 * Process 1 inside: bash, because it reaps orphans; it lives as long as our end of its standard input.
 * /run/docker/plugins is a private mount so that something else can be bound over it for one process only.
 */
function firstProcess(directory: string): string {
  return `set -e
mkdir -p ${directory}/run/docker/plugins /etc/docker
mount --bind ${directory}/run /run
mount --bind ${directory}/etc-docker /etc/docker
mount --bind /run/docker/plugins /run/docker/plugins
ip link set lo up
mount --make-rshared /
mount --make-private /run/docker/plugins
echo ready
cat >/dev/null
exit 0
`
}
