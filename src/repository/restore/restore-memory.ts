const mebibyte = 1024 * 1024

/** What Node, the index, the plan and the manifest take, whatever the threads do. */
const baseBytes = 120 * mebibyte
/** What a thread takes: its own Node, a blob that it opens, and what of earlier ones is not gone yet. */
const threadBytes = 40 * mebibyte
const mostThreads = 4
const mostWindowBytes = 32 * mebibyte
/** One stretch of a pack. */
const leastWindowBytes = 4 * mebibyte

export interface RestoreMemory {
  readonly threads: number
  /** Stored bytes that are fetched or wait for a thread. */
  readonly windowBytes: number
}

/** How many threads there are, and how much waits for them, with so many processors and so much memory. */
export function planRestoreMemory(processors: number, limitBytes = Infinity): RestoreMemory {
  const wanted = Math.min(Math.max(processors, 1), mostThreads)
  const threads = clamp(Math.floor((limitBytes - baseBytes - leastWindowBytes) / threadBytes), 1, wanted)
  const windowBytes = clamp(limitBytes - baseBytes - threads * threadBytes, leastWindowBytes, mostWindowBytes)
  return { threads, windowBytes }
}

const clamp = (value: number, least: number, most: number) => Math.min(Math.max(value, least), most)
