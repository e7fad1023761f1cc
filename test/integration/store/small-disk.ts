import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import type { Test } from 'tap'

export const smallDiskNeeds = { root: true, commands: ['unshare', 'nsenter', 'mount', 'dd'], filesystems: ['tmpfs'] }

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

  /** The words before a command that shall run where the disk is. */
  get inside(): readonly string[] {
    return ['nsenter', `--mount=/proc/${this.#keeper.pid}/ns/mnt`]
  }

  run(...command: readonly string[]): string {
    const [program = '', ...args] = [...this.inside, ...command]
    return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  }

  /** Leaves not a single block free. */
  fill(): void {
    const script = 'for size in 64k 4k 1; do dd if=/dev/zero bs=$size of="$0.$size" 2>/dev/null; done; true'
    this.run('sh', '-c', script, `${this.path}/filler`)
  }

  free(): void {
    this.run('sh', '-c', 'rm -f "$0"/filler.*', this.path)
  }

  names(): readonly string[] {
    return this.run('ls', '-A', this.path).trim().split('\n')
  }
}
