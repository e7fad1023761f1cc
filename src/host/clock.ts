import { setTimeout as sleep } from 'node:timers/promises'
import { ConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'

/** Calls `act` once after `ms`; the result calls it off. Does not keep the process alive. */
export function startTimer(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms).unref()
  return () => clearTimeout(timer)
}

/** Resolves after that time, or when the signal aborts: whoever waited looks at it. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  await sleep(ms, undefined, optional('signal', signal)).catch(() => undefined)
}

/** What the promise resolves to, unless that takes longer: ConvoyError `deadline-exceeded`. Whatever it waits for goes on. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConvoyError('deadline-exceeded', `no answer within ${ms / 1000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
