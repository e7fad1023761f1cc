import { randomBytes } from 'node:crypto'
import { isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { parseJsonObject } from '../model/json-object.js'
import { optional } from '../model/optional.js'
import { damaged } from './format/damage.js'
import { type PackKind, packObjectKey } from './format/pack-kind.js'
import type { Repository } from './repository.js'

/** A pack of the repository, by its name. */
export interface PackName {
  readonly kind: PackKind
  readonly id: Buffer
}

/**
 * Packs that a prune means to remove. While the list lies in the repository, no writer that begins refers to them. They are removed
 * once every writer that was at work when the list had become visible has ended.
 */
export interface CondemnedList {
  readonly key: string
  readonly packs: readonly PackName[]
  /** The keys of the leases of those writers. Undefined until they have been looked up: that can only be done later. */
  readonly leases?: readonly string[]
}

const prefix = 'condemned/'

/** More packs than this are condemned by several lists. */
export const mostCondemnedPacks = 100_000
const mostLeases = 10_000

export const newCondemnedKey = () => `${prefix}${randomBytes(16).toString('hex')}`

/** Stores the list, in place of what was below its key. */
export async function putCondemnedList(repository: Repository, list: CondemnedList, call: CallContext): Promise<void> {
  const hexOf = (wanted: PackKind) =>
    list.packs.filter(({ kind }) => kind === wanted).map(({ id }) => id.toString('hex'))
  const json = { data: hexOf('data'), meta: hexOf('meta'), ...optional('leases', list.leases) }
  await repository.putSealed(list.key, Buffer.from(JSON.stringify(json)), {}, call)
}

/**
 * Every list in the repository. ConvoyError `damaged` when one does not open: nobody knows then what must not be referred to, and
 * `repair` removes it.
 */
export async function readCondemnedLists(repository: Repository, call: CallContext): Promise<readonly CondemnedList[]> {
  const lists: CondemnedList[] = []
  for await (const { key } of repository.store.list(prefix, call)) {
    const payload = await repository.getSealed(key, call).catch((thrown: unknown) => {
      // A prune has just finished with it: its packs have gone before.
      if (isConvoyError(thrown, 'not-found')) return undefined
      throw thrown
    })
    if (payload !== undefined) lists.push(parseCondemnedList(key, payload))
  }
  return lists
}

/** The keys of lists that do not open. */
export async function findUnreadableLists(repository: Repository, call: CallContext): Promise<readonly string[]> {
  const keys: string[] = []
  for await (const { key } of repository.store.list(prefix, call)) {
    try {
      parseCondemnedList(key, await repository.getSealed(key, call))
    } catch (thrown) {
      if (isConvoyError(thrown, 'damaged')) keys.push(key)
      else if (!isConvoyError(thrown, 'not-found')) throw thrown
    }
  }
  return keys
}

export function parseCondemnedList(key: string, payload: Buffer): CondemnedList {
  const { data, meta, leases } = parseJsonObject(payload.toString()) ?? {}
  if (!isIds(data) || !isIds(meta) || !(leases === undefined || isKeys(leases)))
    throw damaged(`${key} is not made as it should be`)
  const named = (kind: PackKind, ids: readonly string[]) => ids.map((id) => ({ kind, id: Buffer.from(id, 'hex') }))
  return { key, packs: [...named('data', data), ...named('meta', meta)], ...optional('leases', leases) }
}

export const keysOfPacks = (packs: readonly PackName[]) => packs.map(({ kind, id }) => packObjectKey(kind, id))

const isIds = (value: unknown): value is readonly string[] =>
  Array.isArray(value) &&
  value.length <= mostCondemnedPacks &&
  value.every((id) => typeof id === 'string' && /^[0-9a-f]{64}$/.test(id))

const isKeys = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.length <= mostLeases && value.every((key) => typeof key === 'string')
