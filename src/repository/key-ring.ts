import { randomBytes } from 'node:crypto'
import { ConvoyError, toConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { ObjectStore } from '../object-stores/object-store.js'
import { encodeKeySlot, type KeySlot, makeKeySlot, openKeySlot, parseKeySlot, type Unlock } from './format/key-slots.js'
import { maximumJsonBytes, type RepositoryConfig } from './format/repository-config.js'
import { RepositoryKey } from './format/repository-key.js'

/** A key slot of a repository. */
export interface ListedKeySlot extends KeySlot {
  /** 16 hex digits: its name. */
  readonly id: string
}

const prefix = 'keys/'
const keyRule = /^keys\/([0-9a-f]{16})\.json$/

/** Each passphrase that is tried takes time. */
const mostSlots = 32

/** Adds a slot that `unlock` opens; says its key in the store. */
export async function putKeySlot(
  { store, key }: { readonly store: ObjectStore; readonly key: RepositoryKey },
  unlock: Unlock,
  about: Pick<KeySlot, 'label' | 'createdAtMs'>,
  call: CallContext,
): Promise<string> {
  const objectKey = `${prefix}${randomBytes(8).toString('hex')}.json`
  await store.put(objectKey, encodeKeySlot(await makeKeySlot(key, unlock, about)), { createOnly: true }, call)
  return objectKey
}

/** The slots that can be read; `unreadable` are the keys of the others. */
export async function readKeySlots(
  store: ObjectStore,
  call: CallContext,
): Promise<{ readonly slots: readonly ListedKeySlot[]; readonly unreadable: readonly string[] }> {
  const slots: ListedKeySlot[] = []
  const unreadable: string[] = []
  for await (const { key } of store.list(prefix, call)) {
    const [, id] = keyRule.exec(key) ?? []
    if (id === undefined) continue
    if (slots.length + unreadable.length >= mostSlots) break
    const bytes = await store.get(key, { offset: 0, length: maximumJsonBytes }, call)
    try {
      slots.push({ id, ...parseKeySlot(bytes, `key slot ${id} of ${store.url}`) })
    } catch (thrown) {
      call.log.warn({ key, error: toConvoyError(thrown).message }, 'a key slot cannot be read')
      unreadable.push(key)
    }
  }
  return { slots, unreadable }
}

/** Takes away a way to open the repository, but never the last. */
export async function removeKeySlot(store: ObjectStore, id: string, call: CallContext): Promise<void> {
  const { slots } = await readKeySlots(store, call)
  if (!slots.some((slot) => slot.id === id))
    throw new ConvoyError('not-found', `${store.url} has no key slot ${id}`, {
      hint: `see: convoy repository key list ${store.url}`,
    })
  if (slots.length === 1)
    throw new ConvoyError('invalid-argument', `key slot ${id} is the last that opens ${store.url}`, {
      hint: 'add another before',
    })
  await store.remove([`${prefix}${id}.json`], call)
}

/** The master key out of the first slot that opens. ConvoyError `invalid-argument` when none does. */
export async function unlockWithSlots(
  { store, config }: { readonly store: ObjectStore; readonly config: RepositoryConfig },
  unlock: Unlock | undefined,
  call: CallContext,
): Promise<Buffer> {
  if (unlock === undefined)
    throw new ConvoyError('invalid-argument', `the repository at ${store.url} is encrypted`, {
      hint: 'give the key file or the passphrase that it was made with',
    })
  const { repositoryIdBytes } = new RepositoryKey(Buffer.alloc(0), config.repositoryId)
  const { slots, unreadable } = await readKeySlots(store, call)
  for (const slot of slots) {
    const master = await openKeySlot(slot, unlock, repositoryIdBytes)
    if (master !== undefined) return master
  }
  const means = unlock.kind === 'key-file' ? 'this key file' : 'this passphrase'
  const damage = unreadable.length === 0 ? {} : { hint: `${unreadable.join(', ')} cannot be read` }
  throw new ConvoyError('invalid-argument', `no key slot of ${store.url} opens with ${means}`, damage)
}
