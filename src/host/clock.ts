import { setTimeout as sleep } from 'node:timers/promises'
import { ConvoyError } from '../errors.js'

/** Calls `act` once after `ms`; the result calls it off. Does not keep the process alive. */
export function startTimer(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms).unref()
  return () => clearTimeout(timer)
}

/**
 * Resolves after that time, or when one of the signals aborts: whoever waited looks at them. Not by AbortSignal.any with a
 * timeout: Node may collect the timeout, and then nothing ever aborts (nodejs/node#57736).
 */
export async function pause(ms: number, ...signals: readonly (AbortSignal | undefined)[]): Promise<void> {
  if (signals.some((signal) => signal?.aborted === true)) return
  const over = new AbortController()
  const end = () => over.abort()
  for (const signal of signals) signal?.addEventListener('abort', end, { signal: over.signal })
  await sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)
  end()
}

/** What the promise resolves to, unless that takes longer: ConvoyError `deadline-exceeded`. Whatever it waits for goes on. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new ConvoyError('deadline-exceeded', `no answer within ${ms / 1000} s`)), ms)
  })
  return Promise.race([promise, late]).finally(() => clearTimeout(timer))
}
