/** Which methods each path answers, for whoever asks with another one. */
export class AnsweredMethods {
  readonly #byPattern = new Map<string, Set<string>>()

  /** `pattern` is that of a route: `/v1/volumes/:name`. */
  note(pattern: string, methods: string | readonly string[]): void {
    const known = this.#byPattern.get(pattern) ?? new Set(['OPTIONS'])
    this.#byPattern.set(pattern, new Set([...known, ...[methods].flat()]))
  }

  /** Of the path of a request, sorted; none when no route has it. */
  of(url: string): readonly string[] {
    const [path = ''] = url.split('?')
    const found = [...this.#byPattern].flatMap(([pattern, methods]) => (matches(pattern, path) ? [...methods] : []))
    return [...new Set(found)].sort()
  }
}

function matches(pattern: string, path: string): boolean {
  const parts = path.split('/')
  const expected = pattern.split('/')
  return (
    parts.length === expected.length &&
    expected.every((part, at) => (part.startsWith(':') ? parts[at] !== '' : part === parts[at]))
  )
}
