import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Guest } from './guest.js'
import type { Lab } from './lab.js'
import type { Disk } from './qemu-command.js'

const checkout = fileURLToPath(new URL('../../../', import.meta.url))
const mountpoint = '/convoy'
/** A start takes 15 s on a machine that does nothing else. */
const startDeadlineMs = 240_000
/** More than a mount may take. */
const patienceMs = 200_000
const program = `node ${mountpoint}/build/program/convoy.cjs`

/** A disk with convoy as it was built here. */
export function convoyDisk(lab: Lab): Disk {
  const directory = lab.makeDirectory()
  for (const path of ['package.json', 'build/program', 'build/main.cache']) {
    cpSync(join(checkout, path), join(directory, path), { recursive: true })
  }
  return { file: lab.diskOf('convoy', directory, 512), mountpoint }
}

/** A daemon in a guest. */
export class GuestConvoy {
  readonly #guest: Guest
  readonly #name: string

  private constructor(guest: Guest, name: string) {
    this.#guest = guest
    this.#name = name
  }

  /** `driverOptions`: of vfs, `path=/srv/volumes` for example. `before`: what a shell does first. */
  static async start(
    guest: Guest,
    name: string,
    driverOptions: readonly string[],
    before = 'true',
  ): Promise<GuestConvoy> {
    const flags = driverOptions.map((option) => `--driver-opts vfs.${option}`).join(' ')
    return await GuestConvoy.startWith(guest, name, flags, before)
  }

  /** `flags`: as a shell writes them. */
  static async startWith(guest: Guest, name: string, flags: string, before = 'true'): Promise<GuestConvoy> {
    const places = `--name ${name} --root /var/lib/convoy/${name}`
    const [log, pid] = [`/var/log/${name}.log`, `/run/${name}.pid`]
    await guest.sh(`${before}; setsid ${program} daemon ${places} ${flags} </dev/null >${log} 2>&1 & echo $! >${pid}`)
    // Asked within the guest, and seldom: to ask takes from the time that the daemon needs.
    const look = `grep -q '"msg":"ready"' ${log} && exit; kill -0 "$(cat ${pid})" || break; sleep 1`
    const wait = `for _ in $(seq ${startDeadlineMs / 1000}); do ${look}; done; cat ${log}; exit 1`
    await guest.sh(wait, 2 * startDeadlineMs)
    return new GuestConvoy(guest, name)
  }

  /** Runs `convoy` against this daemon; resolves to what it printed. */
  async cli(command: string): Promise<string> {
    return await this.#guest.sh(this.command(command), patienceMs)
  }

  /** As a shell writes it. */
  command(command: string): string {
    return `${program} --socket /run/convoy/${this.#name}.sock ${command}`
  }

  /** What a command that fails says. */
  async refusal(command: string): Promise<string> {
    const { code, stderr } = await this.#guest.exec(this.command(command), patienceMs)
    if (code === 0) throw new Error(`"${command}" did not fail`)
    return stderr
  }

  async log(): Promise<string> {
    return await this.#guest.sh(`cat /var/log/${this.#name}.log`)
  }

  /** What the driver says of the volume. */
  async driverInfo(volume: string): Promise<Readonly<Record<string, string>>> {
    // The shape of `inspect` has tests of its own.
    const shown = JSON.parse(await this.cli(`inspect ${volume}`)) as { readonly DriverInfo: Record<string, string> }
    return shown.DriverInfo
  }
}
