/** Calls `act` once after `ms`; the result calls it off. Does not keep the process alive. */
export function startTimer(ms: number, act: () => void): () => void {
  const timer = setTimeout(act, ms).unref()
  return () => clearTimeout(timer)
}
