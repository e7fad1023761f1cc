import { conditionHolds, type Conditions } from './iam-conditions.js'
import { wildcard } from './wildcard.js'

/** What a call wants to do to one resource, and what is known of it, by the keys of conditions. */
export interface Permission {
  /** `ec2:AttachVolume` */
  readonly action: string
  /** An ARN, or `*` where the action knows no resources. */
  readonly resource: string
  readonly context: ReadonlyMap<string, readonly string[]>
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
  readonly Condition?: Conditions
}

const knownParts = ['Sid', 'Effect', 'Action', 'Resource', 'Condition']

/** A policy document of IAM. What it says and this does not know is an error, never ignored. */
export class IamPolicy {
  readonly #statements: readonly Statement[]

  private constructor(statements: readonly Statement[]) {
    this.#statements = statements
  }

  static parse(document: unknown): IamPolicy {
    if (typeof document !== 'object' || document === null || !('Statement' in document))
      throw new Error('a policy has statements')
    if (!('Version' in document) || document.Version !== '2012-10-17')
      throw new Error('a policy has Version 2012-10-17')
    if (JSON.stringify(document).includes('${')) throw new Error('variables of policies are not known here')
    const statements: readonly unknown[] = Array.isArray(document.Statement) ? document.Statement : [document.Statement]
    return new IamPolicy(statements.map(parseStatement))
  }

  /** What nothing allows is denied, and so is what something denies. */
  decide(permission: Permission): 'allowed' | 'denied' | 'not-allowed' {
    const effects = this.#statements.filter((statement) => applies(statement, permission)).map(({ Effect }) => Effect)
    if (effects.includes('Deny')) return 'denied'
    return effects.includes('Allow') ? 'allowed' : 'not-allowed'
  }
}

function parseStatement(statement: unknown): Statement {
  if (typeof statement !== 'object' || statement === null) throw new Error('a statement of a policy is an object')
  const unknown = Object.keys(statement).filter((part) => !knownParts.includes(part))
  if (unknown.length > 0) throw new Error(`parts of policies that are not known here: ${unknown.join()}`)
  for (const part of ['Effect', 'Action', 'Resource'])
    if (!(part in statement)) throw new Error(`a statement of a policy has ${part}`)
  // Its parts have just been looked at, and a policy with values of other types finds nothing that it applies to.
  const parsed = statement as Statement
  for (const operator of Object.keys(parsed.Condition ?? {})) conditionHolds({ [operator]: {} }, new Map())
  return parsed
}

function applies({ Action, Resource, Condition = {} }: Statement, permission: Permission): boolean {
  const isAction = [Action].flat().some((pattern) => wildcard(pattern, 'i').test(permission.action))
  const isResource = [Resource].flat().some((pattern) => wildcard(pattern).test(permission.resource))
  return isAction && isResource && conditionHolds(Condition, permission.context)
}
