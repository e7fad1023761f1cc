import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Destination } from '../model/backup-url.js'
import { parseOptions } from '../model/options.js'
import type { ObjectStore } from '../object-stores/object-store.js'
import { openStore, storeOptions } from '../object-stores/registry.js'
import { readKeySlots } from '../repository/key-ring.js'
import type { Unlock } from '../repository/format/key-slots.js'
import { Repository } from '../repository/repository.js'
import type { RepositoryConfig } from '../repository/format/repository-config.js'
import type { Access } from './repository-flags.js'
import { askPassphrase, findSecret, isSecretNamed } from './repository-secret.js'
import type { Session } from './session.js'

/** How a command gets at repositories, and whom it tells. */
export interface Reach {
  readonly access: Access
  readonly session: Session
}

/** Runs `act` with the store that a destination names, and closes it. */
export async function withStore<Result>(
  destination: Destination,
  { access }: Reach,
  act: (store: ObjectStore) => Promise<Result>,
): Promise<Result> {
  const store = await openStore(destination, parseOptions(storeOptions, access.storeTexts, 'option'))
  try {
    return await act(store)
  } finally {
    await store.close()
  }
}

/** Runs `act` with the repository that is there, opened with the key that is named, usual or typed. */
export function withRepository<Result>(
  destination: Destination,
  reach: Reach,
  call: CallContext,
  act: (repository: Repository) => Promise<Result>,
): Promise<Result> {
  return withStore(destination, reach, async (store) => act(await openRepository(store, reach, call)))
}

/** ConvoyError `not-found` when there is no repository yet. */
export async function openRepository(store: ObjectStore, reach: Reach, call: CallContext): Promise<Repository> {
  const config = await Repository.readConfig(store, call)
  const unlock = await getUnlock(store, config, reach, call)
  const { repositoryId, encryption } = config
  return Repository.open(store, { unlock, expected: { repositoryId, encryption } }, call)
}

async function getUnlock(
  store: ObjectStore,
  { encryption }: RepositoryConfig,
  reach: Reach,
  call: CallContext,
): Promise<Unlock | undefined> {
  if (encryption === 'none') {
    refuseNamedKey(store, reach)
    return undefined
  }
  const { access, session } = reach
  const secret = await findSecret(access, session)
  if (secret?.isNamed === true) return secret.unlock
  const { slots } = await readKeySlots(store, call)
  const kinds = new Set(slots.map(({ kind }) => kind))
  if (secret !== undefined && kinds.has('key-file')) return secret.unlock
  const typed = kinds.has('passphrase') ? await askPassphrase(`Passphrase of ${store.url}:`, session) : undefined
  if (typed !== undefined) return typed
  throw withoutKey(store, session)
}

/** Whoever names a key wants what is stored to be secret. Somebody may have put an open repository in place of theirs. */
function refuseNamedKey({ url }: ObjectStore, { access, session }: Reach): void {
  if (!isSecretNamed(access, session)) return
  throw new ConvoyError('invalid-argument', `the repository at ${url} is not encrypted, but a key is named for it`, {
    hint: 'if anybody may read it, leave out --key-file and --passphrase-file, and unset CONVOY_KEY_FILE and CONVOY_PASSPHRASE_FILE; if not, see who has replaced it',
  })
}

function withoutKey({ url }: ObjectStore, { environment }: Session): ConvoyError {
  return new ConvoyError('invalid-argument', `the repository at ${url} is encrypted, and there is no key for it`, {
    hint: `bring its key to ${environment.keys?.usualKeyFile ?? 'a file'}, name it with --key-file, or make it of its 24 words by "convoy repository key import"`,
  })
}

/** Undefined when nothing has been made there yet. */
export async function findConfig(store: ObjectStore, call: CallContext): Promise<RepositoryConfig | undefined> {
  try {
    return await Repository.readConfig(store, call)
  } catch (thrown) {
    if (isConvoyError(thrown, 'not-found')) return undefined
    throw thrown
  }
}
