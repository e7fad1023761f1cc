import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import type { Guest } from './guest.js'
import type { Lab } from './lab.js'
import { diskDevice } from './qemu-command.js'

/** What the host calls the server's export. */
export const share = 'store:/srv/export'
/** Exports it. */
export const nfsd = "/guest/nfsd-start '/srv/export *(rw,no_subtree_check,no_root_squash)'"

/** A server with its disk, and a host that has a volume of it mounted. */
export class NfsWorld {
  readonly lab: Lab
  readonly client: Guest
  readonly convoy: GuestConvoy
  readonly #disk: string
  #address = 1
  #server: Guest

  private constructor(parts: Pick<NfsWorld, 'lab' | 'client' | 'convoy'> & { server: Guest; disk: string }) {
    this.lab = parts.lab
    this.client = parts.client
    this.convoy = parts.convoy
    this.#server = parts.server
    this.#disk = parts.disk
  }

  static async open(lab: Lab): Promise<NfsWorld> {
    const disk = lab.blankDisk('export', 64)
    const state = { file: lab.blankDisk('state', 128) }
    const [server, client] = await Promise.all([
      lab.boot('server', { address: '10.99.0.1/24', disks: [{ file: disk }] }),
      lab.boot('client', { address: '10.99.0.200/24', cpus: 2, memoryMib: 1024, disks: [convoyDisk(lab), state] }),
    ])
    await server.sh(`mkfs.ext4 -q /dev/vdb && mount /dev/vdb /srv && mkdir /srv/export && ${nfsd}`)
    const device = diskDevice(1)
    await client.sh(`mkfs.ext4 -q ${device} && mkdir -p /var/lib/convoy && mount ${device} /var/lib/convoy`)
    await client.sh('echo 10.99.0.1 store >> /etc/hosts')
    const convoy = await GuestConvoy.start(client, 'nfs', [`share=${share}`])
    return new NfsWorld({ lab, client, convoy, server, disk })
  }

  get server(): Guest {
    return this.#server
  }

  /** The same disk in another machine with the same address. */
  async rebootServer(): Promise<void> {
    await this.#server.kill()
    const address = `10.99.0.${this.#address}/24`
    this.#server = await this.lab.boot('server', { address, disks: [{ file: this.#disk }] })
    await this.#server.sh(`mount /dev/vdb /srv && ${nfsd}`)
  }

  /** Gives the server another address, which its name then has. */
  async moveServer(): Promise<void> {
    const [from, to] = [`10.99.0.${this.#address}`, `10.99.0.${++this.#address}`]
    await this.#server.sh(`ip addr del ${from}/24 dev eth0 && ip addr add ${to}/24 dev eth0`)
    await this.client.sh(`sed -i 's/^${from} /${to} /' /etc/hosts`)
  }

  /** Mounts the volume as Docker would, runs a script in it, and gives it back. */
  async hold(volume: string, script: string): Promise<string> {
    const path = (await this.convoy.cli(`mount ${volume}`)).trim()
    try {
      return await this.client.sh(`cd ${path} && { ${script}; }`)
    } finally {
      await this.convoy.cli(`umount ${volume}`)
    }
  }

  /** Its process. */
  async daemon(): Promise<string> {
    return await this.client.sh('pgrep -f "[c]onvoy.cjs daemon"')
  }
}
