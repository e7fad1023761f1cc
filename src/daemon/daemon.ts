import { closeSync, openSync } from 'node:fs'
import { isatty } from 'node:tty'
import { setFlagsFromString } from 'node:v8'
import { startTimer } from '../host/clock.js'
import { silenceSdkWarnings } from '../host/sdk-warnings.js'
import type { Logger } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { openLedger } from '../store/open-ledger.js'
import { type DaemonConfig, loadDaemonConfig } from './config.js'
import { Configuration } from './configuration.js'
import { Failpoints } from './failpoints.js'
import type { DaemonArguments } from './given-settings.js'
import { type LogSettings, openLog } from './logger.js'

/** A client that works through a list asks again within a ms or two. */
const commitSoonMs = 10

/** Serves until SIGTERM or SIGINT; resolves to the exit code. ConvoyError when it cannot start. */
export async function runDaemon(args: DaemonArguments, version: string): Promise<number> {
  // What we make is ours alone unless a mode is given; volumes get theirs explicitly.
  process.umask(0o077)
  silenceSdkWarnings()
  const load = () => loadDaemonConfig(args, process.env)
  const config = await load()
  if (config.check) return sayThatItIsRight(config)
  const { log, setLevel, reopen } = openLog(logSettings(config))
  const configuration = new Configuration(config, { load, log })
  configuration.onChange(({ logLevel }) => setLevel(logLevel))
  process.on('SIGHUP', () => {
    reopen()
    void configuration.reload()
  })
  const stop = stopSignal()
  endOnDefect(log)
  for (const warning of config.warnings) log.warn({ warning }, 'the configuration looks wrong')
  const failpoints = new Failpoints(process.env['CONVOY_FAILPOINT'])
  // The database thread checks and reads while this one loads the rest of the program.
  const rest = import('./serve.js')
  const ledger = await openLedger(config.root, {
    log,
    soon: (act) => void startTimer(commitSoonMs, act),
    wrap: (database) => failpoints.database(database),
  })
  leanHeap()
  try {
    const { serve } = await rest
    return await serve(configuration, ledger, { version, log, stop, failpoints })
  } finally {
    await ledger.close()
  }
}

/**
 * A daemon allocates little at a time: a large young generation would only fill up and never be looked at while it is idle. Not
 * before the database thread has started: V8 sets this back for each thread, unseen.
 */
function leanHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

function stopSignal(): Promise<string> {
  const isOnTerminal = isatty(2)
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    // The same signal says that the configuration has changed, and that the terminal has gone.
    process.on('SIGHUP', (signal) => {
      if (isOnTerminal && !hasTerminal()) resolve(signal)
    })
  })
}

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'))
    return true
  } catch {
    return false
  }
}

function logSettings({ logLevel, logFormat, logFile }: DaemonConfig): LogSettings {
  const isColourWelcome = (process.env['NO_COLOR'] ?? '') === ''
  return { level: logLevel, format: logFormat, isColourWelcome, ...optional('file', logFile) }
}

/** What `--check` answers; a configuration that is wrong has been refused before. */
function sayThatItIsRight({ file, warnings }: DaemonConfig): number {
  process.stdout.write(`the configuration is right (${file === undefined ? 'without a file' : `file ${file}`})\n`)
  for (const warning of warnings) process.stderr.write(`convoy: warning: ${warning}\n`)
  return 0
}

/** A defect of ours ends the process: what is durable is right, and whoever supervises us starts the next. */
function endOnDefect(log: Logger): void {
  process.on('uncaughtException', (err) => {
    log.error({ err }, 'a defect of convoy: please report it')
    process.exit(1)
  })
}
