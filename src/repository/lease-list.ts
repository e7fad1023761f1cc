import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { parseJsonObject } from '../model/json-object.js'
import { optional } from '../model/optional.js'
import type { Repository } from './repository.js'

/** What a holder is taken for gone after, when it has not refreshed its lease: by its own reading of the store's clock. */
export const leaseTtlMs = 5 * 60_000

/** By everybody else's reading. Stores tell seconds, and not every answer comes from the same machine's clock. */
const expiryMs = leaseTtlMs + 60_000

const mostLeases = 10_000
const prefix = 'leases/'

/** `write` adds to the repository, `prune` takes away. */
export type LeaseMode = 'write' | 'prune'

/** Who is at work, as the lease says it. */
export interface LeaseHolder {
  readonly mode: LeaseMode
  readonly host: string
  readonly pid: number
  /** For people: `backup of db1`. */
  readonly operation: string
  /** The key of the backup record that the holder is going to store. */
  readonly record?: string
  /** By the store's clock. Not known in the lease's first version, whose own time it is. */
  readonly startedAtMs?: number
}

/** A lease as it lies in the store. All times are the store's. */
export interface LeaseInfo extends LeaseHolder {
  readonly key: string
  readonly startedAtMs: number
  readonly refreshedAtMs: number
}

/** Keys tell the mode, so that what does not open counts as well. */
export const newLeaseKey = (mode: LeaseMode, random: string) => `${prefix}${mode}-${random}`

export const encodeLease = (holder: LeaseHolder): Buffer => Buffer.from(JSON.stringify(holder))

export function isExpired(lease: LeaseInfo, nowMs: number): boolean {
  return nowMs - lease.refreshedAtMs > expiryMs
}

/** Every lease in the store, expired ones too. One that does not open is somebody's all the same. */
export async function listLeases(repository: Repository, call: CallContext): Promise<readonly LeaseInfo[]> {
  const leases: LeaseInfo[] = []
  for await (const { key, storedAtMs } of repository.store.list(prefix, call)) {
    const holder = await findHolder(repository, key, call)
    if (holder !== undefined) leases.push({ startedAtMs: storedAtMs, ...holder, key, refreshedAtMs: storedAtMs })
    if (leases.length > mostLeases) throw tooMany(repository)
  }
  return leases
}

/**
 * Ends a lease whose holder is taken for gone. Should the holder only have been asleep, it must not commit what it does not hold any
 * more: an empty object in the place of its backup record makes its create-only put fail. Where that finds the record, the
 * backup was committed, and whoever marks after this sees it.
 */
export async function endLease(repository: Repository, lease: LeaseInfo, call: CallContext): Promise<void> {
  const { store } = repository
  if (lease.record !== undefined) {
    await store.put(lease.record, Buffer.alloc(0), { createOnly: true }, call).catch((thrown: unknown) => {
      if (!isConvoyError(thrown, 'already-exists')) throw thrown
    })
  }
  await store.remove([lease.key], call)
}

/** Undefined when the lease has been released meanwhile. */
async function findHolder(repository: Repository, key: string, call: CallContext): Promise<LeaseHolder | undefined> {
  try {
    return parseLease(key, await repository.getSealed(key, call))
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return undefined
    if (!isConvoyError(thrown, 'damaged')) throw thrown
    return unknownHolder(key)
  }
}

function parseLease(key: string, payload: Buffer): LeaseHolder {
  const { host, pid, operation, record, startedAtMs } = parseJsonObject(payload.toString()) ?? {}
  if (typeof host !== 'string' || typeof pid !== 'number' || typeof operation !== 'string') return unknownHolder(key)
  return {
    mode: modeOf(key),
    host,
    pid,
    operation,
    ...optional('record', isRecordKey(record) ? record : undefined),
    ...optional('startedAtMs', typeof startedAtMs === 'number' ? startedAtMs : undefined),
  }
}

const unknownHolder = (key: string): LeaseHolder => ({
  mode: modeOf(key),
  host: 'an unknown host',
  pid: 0,
  operation: 'something unknown',
})

const modeOf = (key: string): LeaseMode => (key.startsWith(newLeaseKey('prune', '')) ? 'prune' : 'write')

function isRecordKey(value: unknown): value is string {
  return typeof value === 'string' && /^backups\/[A-Za-z0-9_.-]{1,200}\/[A-Za-z0-9_.-]{1,200}$/.test(value)
}

function tooMany({ store }: Repository): ConvoyError {
  return new ConvoyError('invalid-argument', `there are more than ${mostLeases} leases in ${store.url}`, {
    hint: 'remove what is below leases/ there when no backup is running',
  })
}
