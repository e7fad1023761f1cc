import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import { Guest } from './guest.js'
import type { Volume } from './nvme-ports.js'
import { guestImage, joinPort } from './prerequisites.js'
import type { GuestSettings } from './qemu-command.js'

const mebibyte = 1024 * 1024

/** Guests that share a network, and the files that are their disks. All of it goes when the test ends. */
export class Lab {
  readonly #directory = mkdtempSync(join(tmpdir(), 'convoy-vm-'))
  // A group and port of its own keeps the networks of two labs apart.
  readonly #network = `239.${randomInt(256)}.${randomInt(256)}.${randomInt(1, 255)}:${randomInt(20_000, 60_000)}`
  readonly #guests = new Map<string, Guest>()
  readonly #names: string[] = []

  static open(t: Test): Lab {
    const lab = new Lab()
    t.teardown(async () => {
      if (!t.passing()) for (const [name, guest] of lab.#guests) t.comment(`the log of ${name}:\n${guest.log}`)
      await lab.close()
    })
    return lab
  }

  /** Boots a guest. One of the same name as an earlier guest takes its place in the network. */
  async boot(name: string, settings: GuestSettings = {}): Promise<Guest> {
    if (!this.#names.includes(name)) this.#names.push(name)
    const number = this.#names.indexOf(name) + 1
    const files = { image: guestImage, joinPort, directory: join(this.#directory, name) }
    const place = { name, number, ...files, network: this.#network }
    const guest = await Guest.boot(place, settings)
    this.#guests.set(name, guest)
    return guest
  }

  /** The file of a disk without content; it takes no room until it is written. */
  blankDisk(name: string, sizeMib: number): string {
    const file = join(this.#directory, `${name}.img`)
    writeFileSync(file, '')
    truncateSync(file, sizeMib * mebibyte)
    return file
  }

  /** The file of an ext4 disk that holds what a directory of this machine holds. */
  diskOf(name: string, directory: string, sizeMib: number): string {
    const file = this.blankDisk(name, sizeMib)
    execFileSync('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-d', directory, file])
    return file
  }

  /** The disk of a host with systemd and Docker, for as many boots as a test wants. */
  hostDisk(name: string): string {
    const file = join(this.#directory, `${name}.img`)
    execFileSync('cp', ['--sparse=always', join(guestImage, 'host.ext4'), file])
    return file
  }

  volume(id: string, sizeMib: number): Volume {
    return { id, file: this.blankDisk(id, sizeMib) }
  }

  /** A new directory of this machine, for what goes onto a disk. */
  makeDirectory(): string {
    return mkdtempSync(join(this.#directory, 'directory-'))
  }

  async close(): Promise<void> {
    await Promise.all([...this.#guests.values()].map((guest) => guest.kill()))
    if (process.env['CONVOY_VM_KEEP'] !== '1') rmSync(this.#directory, { recursive: true, force: true })
  }
}
