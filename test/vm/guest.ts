import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { createConnection, type Socket } from 'node:net'
import { join } from 'node:path'
import { eventually } from '../engine/polling.js'
import { type ExecResult, GuestAgent } from './guest-agent.js'
import { NvmePorts, serialOf, type Volume } from './nvme-ports.js'
import { qemuCommand, type GuestPlace, type GuestSettings } from './qemu-command.js'
import { Qmp } from './qmp.js'

/** A busy machine may need long for what takes 3 s alone. */
const bootDeadlineMs = 120_000

interface GuestParts {
  readonly place: GuestPlace
  readonly process: ChildProcess
  readonly agent: GuestAgent
  readonly qmp: Qmp
}

/** A running virtual machine. Its disks are files of the lab; all else that it writes goes with it. */
export class Guest {
  readonly #parts: GuestParts
  readonly #ports: NvmePorts
  readonly #exit: Promise<unknown>

  private constructor(parts: GuestParts) {
    this.#parts = parts
    this.#exit = exitOf(parts.process)
    this.#ports = new NvmePorts(parts.qmp)
  }

  /** Once more when the kernel dies on the way: under emulation that of Debian 13 now and then does, before it runs anything of ours. */
  static async boot(place: GuestPlace, settings: GuestSettings): Promise<Guest> {
    return Guest.#bootOnce(place, settings).catch((thrown: unknown) => {
      if (!/Kernel panic/.test(logOf(place))) throw thrown
      return Guest.#bootOnce(place, settings)
    })
  }

  static async #bootOnce(place: GuestPlace, settings: GuestSettings): Promise<Guest> {
    const process = launch(place, settings)
    const ended = once(process, 'exit').then(() => Promise.reject(new Error('QEMU ended')))
    ended.catch(() => undefined)
    try {
      return new Guest({ place, process, ...(await Promise.race([ended, connect(place)])) })
    } catch (cause) {
      await kill(process)
      throw new Error(`${place.name} did not boot:\n${logOf(place)}`, { cause })
    }
  }

  /** Runs a bash script as root, whatever it exits with. */
  async exec(script: string, timeoutMs = 60_000): Promise<ExecResult> {
    return await this.#parts.agent.exec(script, timeoutMs)
  }

  /** Runs a bash script as root; resolves to what it printed, and rejects unless it exits with 0. */
  async sh(script: string, timeoutMs = 60_000): Promise<string> {
    const { code, isLate, stdout, stderr } = await this.exec(script, timeoutMs)
    const how = isLate ? `did not end in ${timeoutMs} ms` : `exit code ${code}`
    if (code !== 0) throw new Error(`${this.#parts.place.name}: ${how}: ${script}\n${stdout}${stderr}`)
    return stdout.trimEnd()
  }

  async write(path: string, content: string | Uint8Array, mode = 0o644): Promise<void> {
    await this.#parts.agent.write(path, content, mode)
  }

  /** Plugs the volume in, and resolves to its device once the guest has found it. */
  async attach(volume: Volume): Promise<string> {
    await this.#ports.plug(volume)
    return await eventually(`the guest finds ${volume.id}`, async () => {
      const serials = await this.sh('cd /sys/block && grep -H . */device/serial || true')
      const found = serials.split('\n').find((line) => line.split(':')[1]?.trim() === serialOf(volume.id))
      return found === undefined ? undefined : `/dev/${found.split('/')[0] ?? ''}`
    })
  }

  async detach(volume: Volume): Promise<void> {
    await this.#ports.unplug(volume)
  }

  /** Stops the whole machine between two instructions: a server that hangs. */
  freeze(): void {
    this.#parts.process.kill('SIGSTOP')
  }

  thaw(): void {
    this.#parts.process.kill('SIGCONT')
  }

  /** Takes the cable of eth0 out: what is sent is lost, and nobody is told. */
  async pullCable(): Promise<void> {
    await this.#parts.qmp.run('set_link', { name: 'lan', up: false })
  }

  async plugCable(): Promise<void> {
    await this.#parts.qmp.run('set_link', { name: 'lan', up: true })
  }

  /** Resolves when the machine has switched itself off, or wants to start again: with --no-reboot that is the same. */
  async ended(): Promise<void> {
    await this.#exit
    await this.kill()
  }

  /** As if somebody pulled the plug. */
  async kill(): Promise<void> {
    this.#parts.agent.close()
    this.#parts.qmp.close()
    await kill(this.#parts.process)
  }

  /** The end of what QEMU and the kernel said. */
  get log(): string {
    return logOf(this.#parts.place)
  }
}

function launch(place: GuestPlace, settings: GuestSettings): ChildProcess {
  mkdirSync(place.directory, { recursive: true })
  const command = qemuCommand(place, settings)
  writeFileSync(join(place.directory, 'command'), command.map((word) => `'${word}'`).join(' '))
  const log = openSync(join(place.directory, 'qemu.log'), 'a')
  try {
    // With setpriv the kernel ends the guest when this process goes, however it goes.
    return spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], QEMU_MODULE_DIR: '/usr/lib/x86_64-linux-gnu/qemu' },
    })
  } finally {
    closeSync(log)
  }
}

async function connect({ directory }: GuestPlace): Promise<Pick<GuestParts, 'agent' | 'qmp'>> {
  const agent = new GuestAgent(await connectSocket(join(directory, 'agent.sock')))
  const qmp = await Qmp.open(await connectSocket(join(directory, 'qmp.sock')))
  await agent.untilItAnswers(bootDeadlineMs)
  return { agent, qmp }
}

async function connectSocket(path: string): Promise<Socket> {
  return await eventually(`QEMU listens on ${path}`, async () => {
    const socket = createConnection(path)
    await once(socket, 'connect')
    return socket
  })
}

async function kill(process: ChildProcess): Promise<void> {
  const exit = exitOf(process)
  process.kill('SIGKILL')
  await exit
}

async function exitOf(process: ChildProcess): Promise<void> {
  if (process.exitCode === null && process.signalCode === null) await once(process, 'exit')
}

function logOf({ directory }: GuestPlace): string {
  return ['qemu.log', 'console.log'].map((name) => readIfThere(join(directory, name)).slice(-3000)).join('\n')
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
