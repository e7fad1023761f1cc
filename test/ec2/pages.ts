import { Ec2Failure, invalidValue } from './ec2-failure.js'
import type { QueryParameters } from './query-parameters.js'

export interface PageRule {
  /** Of the ids, which EC2 does not take together with a page. */
  readonly ids: string
  readonly least: number
  readonly most: number
  /** Where the call does not say. */
  readonly usual: number
}

export interface Page<T> {
  readonly rows: readonly T[]
  readonly nextToken?: string
}

/** One page of what is sorted by its names. */
export function pageOf<T>(
  rows: readonly T[],
  nameOf: (row: T) => string,
  query: QueryParameters,
  rule: PageRule,
): Page<T> {
  const size = query.findInteger('MaxResults')
  const token = query.find('NextToken')
  if (size !== undefined && query.list(rule.ids).length > 0)
    throw new Ec2Failure(
      'InvalidParameterCombination',
      `The parameter ${rule.ids} cannot be used with the parameter MaxResults`,
    )
  if (size !== undefined && (size < rule.least || size > rule.most))
    throw invalidValue(`Value (${size}) for parameter maxResults is invalid. Expecting ${rule.least} to ${rule.most}.`)
  const after = token === undefined ? '' : lastNameOf(token)
  const rest = rows.filter((row) => nameOf(row) > after)
  const page = rest.slice(0, size ?? rule.usual)
  const last = page.at(-1)
  if (last === undefined || page.length === rest.length) return { rows: page }
  return { rows: page, nextToken: Buffer.from(`after ${nameOf(last)}`).toString('base64url') }
}

function lastNameOf(token: string): string {
  const [, name] = /^after (.+)$/.exec(Buffer.from(token, 'base64url').toString()) ?? []
  if (name === undefined) throw invalidValue(`Value (${token}) for parameter nextToken is invalid.`)
  return name
}
