import { wildcard } from './wildcard.js'

export type Conditions = Readonly<Record<string, Readonly<Record<string, Expected>>>>
type Expected = string | boolean | readonly (string | boolean)[]
type Context = ReadonlyMap<string, readonly string[]>

/** Whether one value is as one expected value says. */
const comparisons: ReadonlyMap<string, (value: string, expected: string) => boolean> = new Map([
  ['StringEquals', (value: string, expected: string) => value === expected],
  ['StringLike', (value: string, expected: string) => wildcard(expected).test(value)],
  ['Bool', (value: string, expected: string) => value === expected],
])

/** All operators and all keys must hold; throws for operators that are not known here. */
export function conditionHolds(conditions: Conditions, context: Context): boolean {
  return Object.entries(conditions).every(([operator, keys]) => {
    const holds = operatorOf(operator)
    return Object.entries(keys).every(([key, expected]) => holds(valuesOf(context, key), [expected].flat().map(String)))
  })
}

type Holds = (values: readonly string[] | undefined, expected: readonly string[]) => boolean

function operatorOf(name: string): Holds {
  if (name === 'Null') return (values, expected) => expected.includes(String(values === undefined))
  const [, set, kind = '', optional] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(name) ?? []
  const isNegation = kind.startsWith('StringNot')
  const compare = comparisons.get(kind.replace('StringNot', 'String'))
  if (compare === undefined) throw new Error(`the condition operator ${name} is not known here`)
  const isOne = (value: string, expected: readonly string[]) =>
    expected.some((each) => compare(value, each)) !== isNegation
  return (values, expected) => {
    // IAM: without any value ForAllValues holds, and so does what says what it must not be.
    if (values === undefined)
      return set === 'ForAllValues' || optional !== undefined || (isNegation && set === undefined)
    return set === 'ForAllValues'
      ? values.every((value) => isOne(value, expected))
      : values.some((value) => isOne(value, expected))
  }
}

/** Upper and lower case are the same in the name of a key, but not in that of a tag. */
function valuesOf(context: Context, key: string): readonly string[] | undefined {
  const fold = (name: string) => name.replace(/^[^/]+/, (prefix) => prefix.toLowerCase())
  for (const [name, values] of context) if (fold(name) === fold(key)) return values
  return undefined
}
