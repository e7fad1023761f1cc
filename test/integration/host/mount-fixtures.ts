import { spawn, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import type { CallContext } from '../../../src/model/call-context.js'

/** Runs a program for a test's own purposes and fails the test when it fails. */
export function run(program: string, ...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C' },
  })
  if (status === 0) return stdout
  throw new Error(`${program} ${args.join(' ')}: ${stderr}`)
}

/** A directory that is removed after the test, with whatever is still mounted below it. */
export function temporaryDirectory(t: Test): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'convoy-mounts-')))
  t.teardown(() => {
    for (const mountpoint of mountpointsBelow(path)) spawnSync('umount', ['-i', '-c', '-l', '--', mountpoint])
    spawnSync('chattr', ['-R', '-i', '--', path])
    spawnSync('rm', ['-rf', '--one-file-system', '--', path])
  })
  return path
}

function mountpointsBelow(path: string): readonly string[] {
  const { stdout } = spawnSync('findmnt', ['-rno', 'TARGET'], { encoding: 'utf8' })
  return stdout
    .split('\n')
    .filter((mountpoint) => mountpoint.startsWith(`${path}/`))
    .reverse()
}

/** A loop device with a fresh file system on it, detached after the test. */
export function loopDevice(t: Test, directory: string, fsType = 'ext4'): string {
  const image = join(directory, `${Math.random().toString(36).slice(2)}.img`)
  writeFileSync(image, '')
  truncateSync(image, fsType === 'xfs' ? 320 * 1024 * 1024 : 16 * 1024 * 1024)
  run(`mkfs.${fsType}`, '-q', image)
  const device = run('losetup', '--show', '-f', image).trim()
  // The mount may outlive this in another namespace for a moment; the kernel detaches when it goes.
  t.teardown(() => spawnSync('losetup', ['-d', device]))
  return device
}

/** Starts a shell script in a new mount namespace and waits until it has said `ready`; it is killed after the test. */
export async function inMountNamespace(t: Test, script: string): Promise<ChildProcess> {
  return background(t, 'unshare', ['-m', '--', 'sh', '-c', script])
}

/** Starts a program and waits for its first output; its process group is killed after the test. */
export async function background(t: Test, program: string, args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  t.teardown(() => end(child))
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => Promise.reject(new Error(`${program} ended`))),
  ])
  return child
}

/** Kills a process group and waits for its leader. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  process.kill(-child.pid!, 'SIGKILL')
  await exited
}

/** A call that nobody aborts. */
export function quietCall(): CallContext {
  const log = () => undefined
  return { signal: new AbortController().signal, log: { debug: log, info: log, warn: log, error: log } }
}
