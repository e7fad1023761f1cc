import { ConvoyError } from '../errors.js'
import { lastLine, runProgram } from './exec.js'
import { untilWeEnd } from './parent-death.js'

/** A tree of millions of files on a slow disk. */
const timeoutMs = 10 * 60_000
/** Of a file that somebody removed, here or on another host, while the tree is measured. */
const goneMeanwhile = /(?:No such file or directory|Stale file handle)$/

/**
 * Bytes that a directory and all that is in it take, on this mount. By du(1), which goes with the thread that started it: a kill
 * of the daemon leaves none behind. Containers come first. ConvoyError `unavailable` when it cannot be read.
 */
export async function measureTree(path: string, signal: AbortSignal): Promise<number> {
  const politely = ['nice', '-n', '19', 'ionice', '-c', '3']
  const [program, ...args] = [...untilWeEnd(), ...politely, 'du', '-skx', '--', path]
  const { exitCode, stdout, stderr } = await runProgram(program, args, { timeoutMs, signal })
  const kibibytes = Number.parseInt(stdout, 10)
  const complaints = stderr.trim().split('\n')
  const isWhole = exitCode === 0 || (exitCode === 1 && complaints.every((line) => goneMeanwhile.test(line)))
  if (isWhole && Number.isSafeInteger(kibibytes)) return kibibytes * 1024
  throw new ConvoyError('unavailable', `${path} cannot be measured: ${lastLine(stderr) ?? `exit code ${exitCode}`}`)
}
