import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs'
import type { Test } from 'tap'

export const smallDiskNeeds = { root: true, commands: ['unshare', 'nsenter', 'mount', 'dd'], filesystems: ['tmpfs'] }

/** For {@link SmallDisk.ext4}. */
export const ext4DiskNeeds = {
  root: true,
  commands: [...smallDiskNeeds.commands, 'mkfs.ext4'],
  filesystems: ['ext4'],
  paths: ['/dev/loop-control'],
}

/** A small file system at `path`, in a mount namespace of its own: nobody else sees it, and it goes with the namespace. */
export class SmallDisk {
  readonly path: string
  readonly #keeper: ChildProcess

  private constructor(path: string, keeper: ChildProcess) {
    this.path = path
    this.#keeper = keeper
  }

  /** `mount`: the arguments of mount(8) before the mountpoint. */
  static async mount(t: Pick<Test, 'teardown'>, path: string, ...mount: readonly string[]): Promise<SmallDisk> {
    mkdirSync(path, { recursive: true })
    const script = 'mount "$@" && echo mounted && exec sleep 1000000'
    const program = ['unshare', '-m', '--propagation', 'private', 'sh', '-c', script, 'sh', ...mount, path]
    const keeper = spawn(program[0] ?? '', program.slice(1), { stdio: ['ignore', 'pipe', 'inherit'] })
    t.teardown(() => keeper.kill('SIGKILL'))
    const [first] = (await Promise.race([once(keeper.stdout, 'data'), once(keeper, 'close')])) as readonly unknown[]
    if (String(first) !== 'mounted\n') throw new Error(`cannot mount ${mount.join(' ')}`)
    return new SmallDisk(path, keeper)
  }

  /** A disk of its own beside `path`: what a file system in memory does not have, blocks for directories above all. */
  static async ext4(
    t: Pick<Test, 'teardown'>,
    path: string,
    { mebibytes = 16, make = [] }: { readonly mebibytes?: number; readonly make?: readonly string[] } = {},
  ): Promise<SmallDisk> {
    const image = `${path}.img`
    writeFileSync(image, '')
    truncateSync(image, mebibytes * 2 ** 20)
    execFileSync('mkfs.ext4', ['-q', '-F', '-m', '0', ...make, image])
    return SmallDisk.mount(t, path, '-t', 'ext4', '-o', 'loop,errors=remount-ro', image)
  }

  /** The words before a command that shall run where the disk is. */
  get inside(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#keeper.pid}/ns/mnt`]
  }

  run(...command: readonly string[]): string {
    const [program = '', ...args] = [...this.inside, ...command]
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  remount(how: 'ro' | 'rw'): void {
    this.run('mount', '-o', `remount,${how}`, this.path)
  }

  /** Leaves not a single block free. */
  fill(): void {
    const script = 'for size in 64k 4k 1; do dd if=/dev/zero bs=$size of="$0.$size" 2>/dev/null; done; sync -f "$1"'
    this.run('sh', '-c', script, `${this.path}/filler`, this.path)
  }

  /** Leaves not a single inode free. */
  fillInodes(): void {
    this.run('sh', '-c', 'i=0; while touch "$0.$i"; do i=$((i + 1)); done 2>/dev/null', `${this.path}/filler`)
  }

  /** Files of one inode and one block each, to be given up one by one with {@link giveUp} on the full disk. */
  setAside(count: number): void {
    const script = 'i=0; while [ $i -lt $1 ]; do echo > "$0.spare$i"; i=$((i + 1)); done'
    this.run('sh', '-c', script, `${this.path}/filler`, String(count))
  }

  giveUp(index: number): void {
    // Blocks are free once the journal says so.
    this.run('sh', '-c', 'rm "$0" && sync -f "$1"', `${this.path}/filler.spare${index}`, this.path)
  }

  free(): void {
    this.run('sh', '-c', 'rm -f "$0"/filler.* && sync -f "$0"', this.path)
  }

  names(): readonly string[] {
    return this.run('ls', '-A', this.path).trim().split('\n')
  }

  /** All that is on it, but for what fills it. */
  tree(): readonly string[] {
    return this.run('find', this.path, '-mindepth', '1', '!', '-name', 'filler.*').trim().split('\n').sort()
  }
}
