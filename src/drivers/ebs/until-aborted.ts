import { ConvoyError } from '../../errors.js'

/** What the promise resolves to, unless the signal aborts before: ConvoyError `deadline-exceeded`. Whatever it waits for goes on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal, what: string): Promise<T> {
  let leave: (() => void) | undefined
  const aborted = new Promise<never>((_, reject) => {
    leave = onAbort(signal, () => reject(tooLate(what, signal)))
  })
  return Promise.race([promise, aborted]).finally(() => leave?.())
}

/** Calls `act` when the signal aborts, at once when it has; the result calls it off. */
export function onAbort(signal: AbortSignal, act: () => void): () => void {
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}

export function tooLate(what: string, signal: AbortSignal): ConvoyError {
  return new ConvoyError('deadline-exceeded', `EC2 ${what} was given up: the time of the call is over`, {
    cause: signal.reason,
  })
}
