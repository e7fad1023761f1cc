import { ConvoyError, type ErrorCode } from '../errors.js'
import { lastLine, type ProgramResult } from './exec.js'

/** What people and the network get wrong, by the words of mount(8) and its helpers. Anything else may work later. */
const mountFailures: readonly (readonly [RegExp, ErrorCode])[] = [
  [/busy|already mounted/i, 'in-use'],
  [/unknown filesystem type|requested NFS version|protocol not supported/i, 'unsupported'],
  [/bad option|bad superblock|unrecognized mount option|incorrect mount option|invalid argument/i, 'invalid-argument'],
  [
    /timed out|refused|unreachable|no route|resolv|name or service|denied|does not exist|not responding/i,
    'unavailable',
  ],
]

/** `failure`: what became of mount(8), after which the mount table still does not show the mount. */
export function mountError(source: string, mountpoint: string, failure: ProgramResult | ConvoyError): ConvoyError {
  const what = `cannot mount ${source} on "${mountpoint}"`
  if (failure instanceof ConvoyError) {
    return new ConvoyError(failure.code, `${what}: ${failure.sentence}`, { cause: failure })
  }
  if (failure.exitCode === 0) {
    const hint = 'the daemon must run in the mount namespace of the host'
    return new ConvoyError('internal', `${what}: mount(8) succeeded but the mount table does not show it`, { hint })
  }
  const reason = failureReason(failure)
  const code = mountFailures.find(([pattern]) => pattern.test(reason))?.[1] ?? 'unavailable'
  return new ConvoyError(code, `${what}: ${reason}`, { cause: failure })
}

/** `failure`: what became of umount(8), after which the mount table still shows the mount. */
export function unmountError(mountpoint: string, failure: ProgramResult | ConvoyError): ConvoyError {
  const what = `cannot unmount "${mountpoint}"`
  if (failure instanceof ConvoyError) {
    return new ConvoyError(failure.code, `${what}: ${failure.sentence}`, { cause: failure })
  }
  const reason = failureReason(failure)
  if (!/busy/i.test(reason)) return new ConvoyError('internal', `${what}: ${reason}`, { cause: failure })
  const hint = `fuser -vm ${mountpoint} shows the processes that use it`
  return new ConvoyError('in-use', `${what}: it is busy`, { hint, cause: failure })
}

/** mount(8) ends with advice ("dmesg(1) may have more information"); its reason is the line with the program's name. */
function failureReason({ stderr, exitCode }: ProgramResult): string {
  const named = stderr.split('\n').find((line) => /^u?mount(?:\.\w+)?:/.test(line))
  return named?.trim() ?? lastLine(stderr) ?? `exit code ${exitCode}`
}
