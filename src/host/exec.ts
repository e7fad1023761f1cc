import { accessSync, constants as fileConstants } from 'node:fs'
import { constants } from 'node:os'
import type { Readable } from 'node:stream'
import { ConvoyError, type ErrorCode } from '../errors.js'
import { pause } from './clock.js'

export interface ProgramOptions {
  /** When it passes, the program and all that it started in its process group get SIGKILL. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal
  /** For standard input, which is empty without it. Secrets go here: arguments are in the process list. */
  readonly input?: string | Uint8Array
  /** Added to PATH and LC_ALL, which is all that a program gets. */
  readonly env?: Readonly<Record<string, string>>
}

export interface ProgramResult {
  /** As a shell says it: 128 + number when a signal that we did not send ended the program. */
  readonly exitCode: number
  /** The first 64 KiB. */
  readonly stdout: string
  /** The last 64 KiB. */
  readonly stderr: string
}

const searchPath = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const
const outputLimitBytes = 64 * 1024
/** How long to wait for a killed program to go, and for the end of output that a process left behind holds open. */
const graceMs = 500

const debianPackages: Readonly<Record<string, readonly string[]>> = {
  'amazon-efs-utils': ['mount.efs'],
  'cifs-utils': ['mount.cifs'],
  coreutils: ['cp', 'dd', 'realpath', 'stat', 'sync'],
  diffutils: ['cmp'],
  'libc-bin': ['getent'],
  e2fsprogs: ['chattr', 'e2fsck', 'fsck.ext4', 'lsattr', 'mkfs.ext4', 'resize2fs', 'tune2fs'],
  quota: ['setquota'],
  mount: ['losetup', 'mount', 'umount'],
  'nfs-common': ['mount.nfs', 'mount.nfs4'],
  udev: ['udevadm'],
  'util-linux': ['blkid', 'blockdev', 'findmnt', 'fsfreeze', 'lsblk', 'nsenter', 'setpriv', 'unshare', 'wipefs'],
  xfsprogs: ['mkfs.xfs', 'xfs_growfs', 'xfs_io', 'xfs_quota', 'xfs_repair'],
}

/**
 * Runs a program to its end. A non-zero exit is a result; thrown are `unsupported` (not installed), `deadline-exceeded` (time
 * passed or `signal` aborted) and `unavailable` (no process could be started). What it changed before it was killed stays
 * changed, and one that the kernel does not let die may change it later still: look at the state, not at the error.
 */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
): Promise<ProgramResult> {
  const path = findProgram(program)
  if (options.signal?.aborted === true) throw stopped(program, options)
  const { execa } = await loadExeca()
  const child = start(execa, path, args, options)
  const stdout = collect(child.stdout, (bytes) => bytes.subarray(0, outputLimitBytes))
  const stderr = collect(child.stderr, (bytes) => bytes.subarray(-outputLimitBytes))
  const end = new AbortController()
  try {
    const exit = await Promise.race([exitOf(child, program, end.signal), stopRequest(options, end.signal)])
    if (exit !== undefined) return { exitCode: exit, stdout: stdout(), stderr: stderr() }
    await abandon(child)
    throw stopped(program, options)
  } finally {
    end.abort()
  }
}

/** Like {@link runProgram}, but an exit code other than 0 is thrown too, as `code`, with the program's last line on stderr. */
export async function runChecked(
  program: string,
  args: readonly string[],
  options: ProgramOptions,
  code: ErrorCode = 'internal',
): Promise<ProgramResult> {
  const result = await runProgram(program, args, options)
  if (result.exitCode === 0) return result
  const reason = lastLine(result.stderr) ?? `exit code ${result.exitCode}`
  throw new ConvoyError(code, `${program} failed: ${reason}`, { cause: { args, ...result } })
}

/** The absolute path of a program of the system, wherever our own PATH points; throws `unsupported` when there is none. */
export function findProgram(program: string): string {
  const candidates = program.includes('/') ? [program] : searchPath.map((directory) => `${directory}/${program}`)
  const found = candidates.find((path) => path.startsWith('/') && isExecutable(path))
  if (found !== undefined) return found
  const name = program.slice(program.lastIndexOf('/') + 1)
  const debianPackage = Object.entries(debianPackages).find(([, programs]) => programs.includes(name))?.[0]
  const hint = debianPackage === undefined ? {} : { hint: `install it, on Debian: apt-get install ${debianPackage}` }
  throw new ConvoyError('unsupported', `the program ${program} is not installed on this host`, hint)
}

/** What a program says last is what made it fail. */
export function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1)?.trim() || undefined
}

type Child = ReturnType<typeof start>

/** Loaded at the first program: the daemon has to answer Docker long before it runs one. */
const loadExeca = () => import('execa')

type Execa = Awaited<ReturnType<typeof loadExeca>>['execa']

function start(execa: Execa, path: string, args: readonly string[], { input, env }: ProgramOptions) {
  return execa(path, args, {
    input: input ?? '',
    buffer: false,
    reject: false,
    // A process group of its own: mount(8) starts mount.nfs, and both have to go.
    detached: true,
    extendEnv: false,
    env: { ...env, PATH: searchPath.join(':'), LC_ALL: 'C' },
  })
}

async function exitOf(child: Child, program: string, end: AbortSignal): Promise<number> {
  const finished = child.then(() => undefined)
  await Promise.race([finished, exited(child).then(() => pause(graceMs, end))])
  if (child.exitCode !== null) return child.exitCode
  if (child.signalCode !== null) return 128 + constants.signals[child.signalCode]
  const { code, cause } = await child
  throw new ConvoyError('unavailable', `cannot start ${program}: ${code ?? 'unknown reason'}`, { cause })
}

const exited = (child: Child) => new Promise<void>((resolve) => child.once('exit', () => resolve()))

/** Resolves to nothing when the program has to go, and never when `end` comes first. */
function stopRequest({ timeoutMs, signal }: ProgramOptions, end: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const stop = () => resolve(undefined)
    const timer = setTimeout(stop, timeoutMs)
    signal?.addEventListener('abort', stop, { signal: end })
    end.addEventListener('abort', () => clearTimeout(timer))
  })
}

async function abandon(child: Child): Promise<void> {
  const isRunning = child.exitCode === null && child.signalCode === null
  if (child.pid !== undefined && isRunning) {
    killGroup(child.pid)
    // A process in an uninterruptible wait ignores even SIGKILL, so this wait is bounded.
    const end = new AbortController()
    await Promise.race([exited(child), pause(graceMs, end.signal)]).finally(() => end.abort())
  }
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // It ended by itself in this moment.
  }
}

function collect(stream: Readable, keep: (bytes: Buffer) => Buffer): () => string {
  let kept: Buffer = Buffer.alloc(0)
  stream.on('data', (chunk: Buffer) => (kept = keep(Buffer.concat([kept, chunk]))))
  return () => kept.toString()
}

function stopped(program: string, { signal, timeoutMs }: ProgramOptions): ConvoyError {
  const aborted = signal?.aborted === true
  const message = aborted ? `${program} was stopped` : `${program} did not end within ${timeoutMs} ms`
  return new ConvoyError('deadline-exceeded', message, aborted ? { cause: signal.reason } : {})
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, fileConstants.X_OK)
    return true
  } catch {
    return false
  }
}
