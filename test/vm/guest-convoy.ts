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

  /** `driverOptions`: for vfs, `path=/srv/volumes` for example. `before`: what a shell does first. */
  static async start(
    guest: Guest,
    name: string,
    driverOptions: readonly string[],
    before = 'true',
  ): Promise<GuestConvoy> {
    const places = `--name ${name} --root /var/lib/convoy/${name}`
    const options = driverOptions.map((option) => `--driver-opts vfs.${option}`).join(' ')
    const log = `/var/log/${name}.log`
    await guest.sh(`${before}; setsid ${program} daemon ${places} ${options} </dev/null >${log} 2>&1 &`)
    // Asked within the guest, and seldom: to ask takes from the time that the daemon needs.
    const isReady = `grep -q '"msg":"ready"' ${log}`
    const wait = `for _ in $(seq ${startDeadlineMs / 1000}); do ${isReady} && exit; sleep 1; done; cat ${log}; exit 1`
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
