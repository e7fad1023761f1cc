import { existsSync } from 'node:fs'
import { runProgram } from './exec.js'

const unitDirectories = ['/etc/systemd/system', '/run/systemd/system', '/usr/lib/systemd/system', '/lib/systemd/system']

/** Whether this host runs systemd and has a unit of that name. */
export function hasUnit(name: string): boolean {
  return existsSync('/run/systemd/system') && unitDirectories.some((directory) => existsSync(`${directory}/${name}`))
}

/** Whether the kernel says that its clock follows others; undefined where nobody knows. */
export async function isClockSynchronised(): Promise<boolean | undefined> {
  const answer = await said('timedatectl', ['show', '-p', 'NTPSynchronized', '--value'])
  return answer === 'yes' ? true : answer === 'no' ? false : undefined
}

/** The newest lines that a unit has written to the journal; undefined without a journal. */
export async function readJournal(unit: string, lines: number): Promise<string | undefined> {
  const text = await said('journalctl', ['-u', unit, '-n', String(lines), '--no-pager', '-o', 'short-iso', '-q'])
  return text === '' ? undefined : text
}

/** What a program says; undefined when it is not there, does not end, or fails. */
async function said(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { exitCode, stdout } = await runProgram(program, args, { timeoutMs: 5000 })
    return exitCode === 0 ? stdout.trim() : undefined
  } catch {
    return undefined
  }
}
