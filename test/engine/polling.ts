import { setTimeout as sleep } from 'node:timers/promises'

/** Generous, because a test machine may be busy with anything. */
export const patienceMs = 90_000

/** Resolves to the first answer of `probe` that is neither undefined nor false; what it throws last is the reason for giving up. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  deadlineMs = patienceMs,
): Promise<T> {
  const end = performance.now() + deadlineMs
  let cause: unknown
  while (performance.now() < end) {
    try {
      const answer = await probe()
      if (answer !== undefined && answer !== false) return answer
      cause = undefined
    } catch (error) {
      cause = error
    }
    await sleep(50)
  }
  throw new Error(`gave up after ${deadlineMs / 1000} s waiting until ${what}`, { cause })
}

/** Rejects when `promise` takes longer than `deadlineMs`. */
export async function within<T>(what: string, promise: Promise<T>, deadlineMs = patienceMs): Promise<T> {
  const timer = new AbortController()
  const late = sleep(deadlineMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} took longer than ${deadlineMs / 1000} s`)
  })
  late.catch(() => undefined)
  try {
    return await Promise.race([promise, late])
  } finally {
    timer.abort()
  }
}
