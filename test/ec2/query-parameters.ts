import { Ec2Failure, invalidValue, missing } from './ec2-failure.js'
import type { Tags } from './records.js'

/** What a call says, in the form of the Query API: `VolumeId.1`, `Filter.2.Value.1`. */
export class QueryParameters {
  readonly #values: ReadonlyMap<string, string>

  constructor(values: Iterable<readonly [string, string]>) {
    this.#values = new Map(values)
  }

  static parse(body: string): QueryParameters {
    return new QueryParameters(new URLSearchParams(body))
  }

  all(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#values)
  }

  find(name: string): string | undefined {
    return this.#values.get(name)
  }

  get(name: string): string {
    const value = this.#values.get(name)
    if (value === undefined || value === '') throw missing(name.charAt(0).toLowerCase() + name.slice(1))
    return value
  }

  findInteger(name: string): number | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (!/^-?\d{1,9}$/.test(value)) throw invalidValue(`Value (${value}) for parameter ${name} is invalid.`)
    return Number(value)
  }

  findBoolean(name: string): boolean | undefined {
    const value = this.#values.get(name)
    if (value === undefined) return undefined
    if (value !== 'true' && value !== 'false')
      throw invalidValue(`Value (${value}) for parameter ${name} is invalid. Expected: true or false.`)
    return value === 'true'
  }

  /** `name.1`, `name.2` and so on. */
  list(name: string): readonly string[] {
    return this.structures(name).flatMap((structure) => structure.find('') ?? [])
  }

  /** What is below `name.1`, `name.2` and so on. */
  structures(name: string): readonly QueryParameters[] {
    const found = new Map<number, [string, string][]>()
    for (const [key, value] of this.#values) {
      const [, number, rest = ''] = key.startsWith(`${name}.`)
        ? (/^(\d+)(?:\.(.+))?$/.exec(key.slice(name.length + 1)) ?? [])
        : []
      if (number === undefined) continue
      found.set(Number(number), [...(found.get(Number(number)) ?? []), [rest, value]])
    }
    return [...found].sort(([one], [other]) => one - other).map(([, values]) => new QueryParameters(values))
  }

  /** Of `Tag.1.Key` and so on, a value that is not there as undefined. */
  tags(): Readonly<Record<string, string | undefined>> {
    const pairs = this.structures('Tag').map((tag) => [tag.get('Key'), tag.find('Value')] as const)
    const seen = new Set<string>()
    for (const [key] of pairs) {
      if (seen.has(key)) throw invalidValue(`Duplicate tag key '${key}' specified.`)
      seen.add(key)
    }
    return Object.fromEntries(pairs)
  }

  /** EC2 takes a value that is not there as empty. */
  tagValues(): Tags {
    return Object.fromEntries(Object.entries(this.tags()).map(([key, value = '']) => [key, value]))
  }

  /** Refuses what an action does not know; names as patterns, `Filter.N.Value.N`. */
  checkNames(known: readonly string[]): void {
    const patterns = [...known, 'Action', 'Version', 'DryRun']
    const isKnown = (name: string) => patterns.includes(name.replaceAll(/\.\d+(?=\.|$)/g, '.N'))
    for (const name of this.#values.keys())
      if (!isKnown(name)) throw new Ec2Failure('UnknownParameter', `The parameter ${name} is not recognized`)
  }
}
