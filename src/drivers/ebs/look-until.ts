import type { EbsDeps } from './ebs-deps.js'

/** How often EC2 is asked again by those who wait. All that ask for volumes by id in one moment share a request. */
export const lookEveryMs = 1000
/** So long may EC2 show a volume as it was before, or say of a new one that there is none (its guide on eventual consistency). */
export const unseenMs = 60_000

interface Wait {
  readonly forMs: number
  readonly signal: AbortSignal
}

/** Looks, again and again, until there is something to see; none when there is not in that time. */
export async function lookUntil<T>(
  { pause, now }: Pick<EbsDeps, 'pause' | 'now'>,
  { forMs, signal }: Wait,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  for (const start = now().getTime(); ;) {
    const seen = await look()
    if (seen !== undefined || signal.aborted || now().getTime() - start > forMs) return seen
    await pause(lookEveryMs, signal)
  }
}
