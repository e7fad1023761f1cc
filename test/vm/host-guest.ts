import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Guest } from './guest.js'
import type { Lab } from './lab.js'
import { type Forward, forwardedAddress } from './qemu-command.js'

const checkout = fileURLToPath(new URL('../../../', import.meta.url))
/** Emulated, and beside other work: systemd and Docker need a minute to start, a container ten seconds. */
const patienceMs = 10 * 60_000
const tarballMountpoint = '/mnt/tarball'

export interface HostSettings {
  /** See GuestSettings. */
  readonly forwards?: readonly Forward[]
  /** At each boot, while the host still starts. */
  readonly onBoot?: (guest: Guest) => Promise<void>
}

/** Before anything that needs the network, at this boot and at each later one. */
const networkUnit = `[Unit]
Before=network-online.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'ip addr replace ${forwardedAddress} dev eth0 && ip link set eth0 up'
[Install]
WantedBy=network-online.target multi-user.target
`

/** A user's host: Debian with systemd and Docker, which has never seen the sources. Its disk outlives each of its boots. */
export class HostGuest {
  readonly #lab: Lab
  readonly #disk: string
  readonly #tarball: string
  readonly #settings: HostSettings
  #guest: Guest | undefined

  constructor(lab: Lab, settings: HostSettings = {}) {
    this.#lab = lab
    this.#settings = settings
    this.#disk = lab.hostDisk('host')
    const directory = lab.makeDirectory()
    // The scripts of prepack build it: what is tested is what a user downloads.
    execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: checkout, stdio: 'ignore' })
    this.#tarball = lab.diskOf('tarball', directory, 64)
  }

  async boot(): Promise<void> {
    const isFirst = this.#guest === undefined
    const { forwards, onBoot } = this.#settings
    const parts = { disks: [{ file: this.#tarball }], ...(forwards === undefined ? {} : { forwards }) }
    this.#guest = await this.#lab.boot('host', { host: this.#disk, memoryMib: 1536, cpus: 2, ...parts })
    await onBoot?.(this.#guest)
    await this.sh('systemctl is-system-running --wait || systemctl --failed --no-pager')
    if (isFirst && forwards !== undefined) await this.#addNetwork()
  }

  async #addNetwork(): Promise<void> {
    await this.guest.write('/etc/systemd/system/guest-network.service', networkUnit)
    await this.sh('systemctl daemon-reload && systemctl enable --quiet --now guest-network.service')
  }

  get guest(): Guest {
    if (this.#guest === undefined) throw new Error('the host was not booted')
    return this.#guest
  }

  /** As an administrator does it: everything is stopped, then the machine starts again. */
  async reboot(): Promise<void> {
    await this.sh('systemctl reboot')
    await this.guest.ended()
    await this.boot()
  }

  /** As if somebody pulled the plug. */
  async cutPower(): Promise<void> {
    await this.guest.kill()
    await this.boot()
  }

  /** Unpacks the tarball where a user would. */
  async unpack(): Promise<void> {
    const mount = `mkdir -p ${tarballMountpoint} && mount -o ro /dev/vdb ${tarballMountpoint}`
    await this.sh(`${mount} && tar xzf ${tarballMountpoint}/*.tgz -C /root && umount ${tarballMountpoint}`)
  }

  /** Resolves to what the script printed; rejects unless it exits with 0. */
  async sh(script: string): Promise<string> {
    return await this.guest.sh(script, patienceMs)
  }

  /** Resolves to exit code and output of a script that may fail. */
  async attempt(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
    const { code, stdout, stderr } = await this.guest.exec(script, patienceMs)
    return { code, output: `${stdout}${stderr}` }
  }
}
