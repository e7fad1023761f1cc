import type { CallContext } from '../model/call-context.js'
import { isConvoyError } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import { damaged } from './format/damage.js'
import type { PackKind } from './format/pack-kind.js'
import type { Repository } from './repository.js'

/** What was found wrong with a pack. While this lies in the repository, no new backup refers to what is in that pack. */
export interface DamageReport {
  /** 64 hex digits. */
  readonly pack: string
  readonly kind: PackKind
  /** By the clock of the host that found it, for people. */
  readonly foundAtMs: number
  /** Which chunks do not open, by their ids in hex; `all` when the pack as a whole is not what it was. */
  readonly chunks: 'all' | readonly string[]
}

const prefix = 'damaged/'
const mostChunks = 100_000

export const damageKeyOf = (packHex: string) => `${prefix}${packHex}`

/** The pack that such an object is about; undefined when its key names none. */
export function findPackOfDamageKey(key: string): string | undefined {
  return /^damaged\/([0-9a-f]{64})$/.exec(key)?.[1]
}

/** Notes the damage, in place of what was noted before. */
export async function markDamaged(repository: Repository, report: DamageReport, call: CallContext): Promise<void> {
  const chunks = report.chunks.length > mostChunks ? 'all' : report.chunks
  const payload = Buffer.from(JSON.stringify({ ...report, chunks }))
  await repository.putSealed(damageKeyOf(report.pack), payload, {}, call)
}

/** Whatever the object holds: that it is there says that the pack is damaged. */
export async function readDamageReport(
  repository: Repository,
  key: string,
  call: CallContext,
): Promise<DamageReport | undefined> {
  try {
    return parseDamageReport(await repository.getSealed(key, call))
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found') || isConvoyError(thrown, 'damaged')) return undefined
    throw thrown
  }
}

export function parseDamageReport(payload: Buffer): DamageReport {
  const { pack, kind, foundAtMs, chunks } = parseJsonObject(payload.toString()) ?? {}
  if (!isId(pack) || (kind !== 'data' && kind !== 'meta') || typeof foundAtMs !== 'number' || !isChunks(chunks))
    throw damaged('a report of damage is not made as it should be')
  return { pack, kind, foundAtMs, chunks }
}

const isId = (value: unknown): value is string => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value)

const isChunks = (value: unknown): value is DamageReport['chunks'] =>
  value === 'all' || (Array.isArray(value) && value.length <= mostChunks && value.every(isId))
