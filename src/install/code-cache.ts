import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

/**
 * Has the program in a directory rehearse, which keeps what this Node makes of its code: a start takes half the time then. Without
 * that it works as well.
 */
export function keepCode(program: string): void {
  const env = { PATH: process.env['PATH'] }
  const args = [join(program, 'convoy.cjs'), 'rehearsal']
  const { status, stderr } = spawnSync(process.execPath, args, {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 60_000,
  })
  if (status !== 0)
    process.stderr.write(`convoy: starts will be slow, because the rehearsal failed: ${String(stderr)}\n`)
}
