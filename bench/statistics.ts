/** Milliseconds, however many: what each operation of a kind took. */
export class Samples {
  readonly #values: number[] = []

  add(ms: number): void {
    this.#values.push(ms)
  }

  /** Runs the operation, adds what it took, and resolves to its answer. */
  async time<T>(act: () => Promise<T>): Promise<T> {
    const start = performance.now()
    const answer = await act()
    this.add(performance.now() - start)
    return answer
  }

  get count(): number {
    return this.#values.length
  }

  get min(): number {
    return this.quantile(0)
  }

  get p50(): number {
    return this.quantile(0.5)
  }

  get p99(): number {
    return this.quantile(0.99)
  }

  get max(): number {
    return this.quantile(1)
  }

  quantile(fraction: number): number {
    const sorted = [...this.#values].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * fraction))] ?? Number.NaN
  }
}

/** The value at `key`, made at first use. */
export function entry<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const known = map.get(key)
  if (known !== undefined) return known
  const made = make()
  map.set(key, made)
  return made
}
