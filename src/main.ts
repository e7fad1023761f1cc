import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { ControlSource, DaemonAddress } from './doctor/daemon-view.js'
import type { Doctor } from './doctor/doctor.js'

// Everything is imported where it is needed: a command answers in the time that its own part takes to load.

/** Runs the command of this process and sets its exit code. */
export async function main(): Promise<void> {
  const argv = process.argv.slice(2)
  const [command, folder] = argv
  if (command === 'job-process' && folder !== undefined) await runJob(folder)
  else if (command === 'rehearsal') await (await import('./daemon/rehearsal.js')).rehearse(runCommand)
  else process.exitCode = await runCommand(argv)
}

/** The daemon starts itself with this hidden command, once per job. */
async function runJob(jobFolder: string): Promise<void> {
  const { runJobProcess } = await import('./daemon/job-process.js')
  process.exitCode = await runJobProcess(jobFolder)
}

async function runCommand(argv: readonly string[]): Promise<number> {
  const [{ runCommandLine }, { openSystemTerminal }] = await Promise.all([
    import('./cli/command-line.js'),
    import('./cli/system-terminal.js'),
  ])
  return runCommandLine(argv, {
    get version() {
      return readVersion()
    },
    terminal: openSystemTerminal(process.env),
    sleep: (ms) => setTimeout(ms),
    now: () => new Date(),
    onInterrupt,
    socketPath: process.env['CONVOY_SOCKET'],
    keys: {
      keyFile: process.env['CONVOY_KEY_FILE'],
      passphraseFile: process.env['CONVOY_PASSPHRASE_FILE'],
      usualKeyFile:
        process.getuid?.() === 0 ? '/etc/convoy/repository.key' : join(configHome(), 'convoy/repository.key'),
    },
    openDoctor,
    daemon: {
      loadOptions: async () => (await import('./daemon/daemon-options.js')).daemonOptions,
      run: async (args) => (await import('./daemon/daemon.js')).runDaemon(args, readVersion()),
    },
  })
}

const configHome = () => process.env['XDG_CONFIG_HOME'] || join(homedir(), '.config')

const interrupts = ['SIGINT', 'SIGTERM'] as const

function onInterrupt(leave: () => number | undefined): () => void {
  // From then on the signals do again what they do by themselves: end the process.
  const callOff = () => {
    for (const name of interrupts) process.removeListener(name, act)
  }
  const act = () => {
    callOff()
    const exitCode = leave()
    if (exitCode !== undefined) process.exit(exitCode)
  }
  for (const name of interrupts) process.on(name, act)
  return callOff
}

async function openDoctor(source: ControlSource, which: DaemonAddress): Promise<Doctor> {
  const [{ openDoctor: open }, stopped] = await Promise.all([
    import('./doctor/open-doctor.js'),
    import('./daemon/stopped-daemon.js'),
  ])
  const readConfig = () => stopped.readNextConfig(which)
  const { describeStoppedDatabase: describeDatabase } = stopped
  return open({ source, which, version: readVersion(), stopped: { readConfig, describeDatabase } })
}

function readVersion(): string {
  // Ours, two folders above build/program and build/src, so it has a version.
  const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string }
  return version
}
