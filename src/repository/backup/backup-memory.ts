const mebibyte = 1024 * 1024

/** What Node, the walk, the manifest and the chunk table of some million chunks take, whatever the threads do. */
const baseBytes = 130 * mebibyte
/** What a thread takes besides its packs. */
const threadBytes = 32 * mebibyte
const packTargets = [32 * mebibyte, 16 * mebibyte, 8 * mebibyte, 4 * mebibyte] as const
/** One that is filled while the other is stored. */
const packsPerThread = 2
const mostThreads = 8

export interface MemoryPlan {
  readonly threads: number
  readonly packTargetBytes: number
  readonly packsPerThread: number
}

/** How many threads there are, and how large and how many their packs, with so many processors and so much memory. */
export function planMemory(processors: number, limitBytes: number | undefined): MemoryPlan {
  const wanted = Math.min(Math.max(processors, 1), mostThreads)
  if (limitBytes === undefined) return { threads: wanted, packTargetBytes: packTargets[0], packsPerThread }
  const packTargetBytes = packTargets.find((target) => threadsWithin(limitBytes, target) >= wanted) ?? packTargets[3]
  const threads = Math.max(1, Math.min(wanted, threadsWithin(limitBytes, packTargetBytes)))
  return { threads, packTargetBytes, packsPerThread }
}

function threadsWithin(limitBytes: number, packTargetBytes: number): number {
  return Math.floor((limitBytes - baseBytes) / (threadBytes + packsPerThread * packTargetBytes))
}
