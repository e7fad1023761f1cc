import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { mainProgram } from './daemon-process.js'

export interface Ended {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

/** Runs the real program. Through env(1), because tap loads itself into every Node process that a test starts. */
export async function convoy(
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  program = mainProgram,
): Promise<Ended> {
  const variables = Object.entries({ PATH: process.env['PATH'] ?? '', ...env }).map((entry) => entry.join('='))
  const command = ['-i', ...variables, process.execPath, program, ...argv]
  const child = spawn('/usr/bin/env', command, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<number | null>((done) => child.once('close', done))
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended])
  return { code, out, err }
}
