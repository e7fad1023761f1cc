import { setFlagsFromString } from 'node:v8'
import { startTimer } from '../host/clock.js'
import type { Logger } from '../model/call-context.js'
import { openLedger } from '../store/open-ledger.js'
import { type DaemonArguments, parseDaemonConfig } from './config.js'
import { Failpoints } from './failpoints.js'
import { createLogger } from './logger.js'

/** A client that works through a list asks again within a ms or two. */
const commitSoonMs = 10

/** Serves until SIGTERM or SIGINT; resolves to the exit code. ConvoyError when it cannot start. */
export async function runDaemon(args: DaemonArguments, version: string): Promise<number> {
  leanHeap()
  // What we make is ours alone unless a mode is given; volumes get theirs explicitly.
  process.umask(0o077)
  const config = parseDaemonConfig(args)
  const log = createLogger({
    level: config.debug ? 'debug' : 'info',
    ...(config.logFile === undefined ? {} : { file: config.logFile }),
  })
  const stop = stopSignal()
  endOnDefect(log)
  const failpoints = new Failpoints(process.env['CONVOY_FAILPOINT'])
  // The database thread checks and reads while this one loads the rest of the program.
  const rest = import('./serve.js')
  const opened = await openLedger(config.root, {
    log,
    soon: (act) => void startTimer(commitSoonMs, act),
    wrap: (database) => failpoints.database(database),
  })
  try {
    const { serve } = await rest
    return await serve(config, opened, { version, log, stop, failpoints })
  } finally {
    await opened.ledger.close()
  }
}

/** A daemon allocates little at a time: a large young generation would only fill up and never be looked at while it is idle. */
function leanHeap(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
}

function stopSignal(): Promise<string> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
  })
}

/** A defect of ours ends the process: what is durable is right, and whoever supervises us starts the next. */
function endOnDefect(log: Logger): void {
  process.on('uncaughtException', (err) => {
    log.error({ err }, 'a defect of convoy: please report it')
    process.exit(1)
  })
}
