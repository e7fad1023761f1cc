import { spawnSync } from 'node:child_process'
import { readFileSync, rmdirSync } from 'node:fs'
import type { Step } from './installation.js'

const tableOfMounts = '/proc/self/mountinfo'
const patienceMs = 10_000

/**
 * Shares that daemons have mounted below their usual directories: whoever removes such a directory after the program would remove
 * what is on the shares.
 */
export function mountedShares(table: string): readonly string[] {
  const mountpoints = table.split('\n').map((line) => line.split(' ')[4] ?? '')
  return mountpoints.filter((path) => /^\/var\/lib\/convoy(?:-[^/]+)?\/shares\/[0-9a-f]{12}$/.test(path))
}

/** What unmounts them. Containers keep what they have mounted. */
export function unmountSteps(): readonly Step[] {
  return mountedShares(readFileSync(tableOfMounts, 'utf8')).map((path) => ({
    verb: 'unmount',
    path,
    act: () => unmount(path),
  }))
}

/** A server that does not answer keeps umount(8) waiting, and with -l it may have succeeded all the same. */
function unmount(path: string): void {
  for (const how of [[], ['-l']]) {
    if (!isMounted(path)) break
    spawnSync('umount', [...how, '-i', '-c', '--', path], {
      stdio: 'ignore',
      timeout: patienceMs,
      killSignal: 'SIGKILL',
    })
  }
  if (isMounted(path)) return
  spawnSync('chattr', ['-i', path], { stdio: 'ignore' })
  rmdirSync(path)
}

const isMounted = (path: string) => mountedShares(readFileSync(tableOfMounts, 'utf8')).includes(path)
