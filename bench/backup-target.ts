import { execa } from 'execa'
import { existsSync } from 'node:fs'
import { mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where restores go to. */
export interface RestoreTargets {
  readonly description: string
  /** Makes a directory that is empty, and calls back with it. It is gone afterwards. */
  use(act: (directory: string) => Promise<void>): Promise<void>
}

/** Each restore on a file system of its own where that can be made, in a plain directory elsewhere. */
export function restoreTargets(directory: string): RestoreTargets {
  const canMount = process.getuid?.() === 0 && existsSync('/dev/loop-control') && existsSync('/sbin/mkfs.ext4')
  return canMount ? new FreshFileSystems(directory) : new PlainDirectories(directory)
}

const imageBytes = 8 * 2 ** 30

/** ext4 creates files slowly while it searches past inodes that were freed a moment ago: a used one would punish who comes later. */
class FreshFileSystems implements RestoreTargets {
  readonly description = 'a fresh ext4 on a loop device'
  readonly #image: string
  readonly #mountpoint: string

  constructor(directory: string) {
    this.#image = join(directory, 'restored.img')
    this.#mountpoint = join(directory, 'restored')
  }

  async use(act: (directory: string) => Promise<void>): Promise<void> {
    await mkdir(this.#mountpoint, { recursive: true })
    const device = await this.#attach()
    try {
      await execa('mkfs.ext4', ['-q', '-E', 'nodiscard,lazy_itable_init=0,lazy_journal_init=0', device])
      await execa('mount', ['-o', 'noatime', device, this.#mountpoint])
      const target = join(this.#mountpoint, 'target')
      await mkdir(target)
      await act(target)
    } finally {
      await execa('umount', [this.#mountpoint], { reject: false })
      await execa('losetup', ['--detach', device])
    }
  }

  /** The image stays, with the blocks that it has: only the first restore waits for them to be found. */
  async #attach(): Promise<string> {
    await writeFile(this.#image, '', { flag: 'a' })
    await truncate(this.#image, imageBytes)
    const { stdout: device } = await execa('losetup', ['--find', '--show', this.#image])
    // Where it is possible: otherwise everything is in the page cache twice.
    await execa('losetup', ['--direct-io=on', device], { reject: false })
    return device
  }
}

export class PlainDirectories implements RestoreTargets {
  readonly description = 'a plain directory'
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async use(act: (directory: string) => Promise<void>): Promise<void> {
    const target = join(this.#directory, 'restored')
    await mkdir(target)
    try {
      await act(target)
    } finally {
      await rm(target, { recursive: true })
    }
  }
}
