import { ConvoyError } from '../errors.js'
import { formatDestination, parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import type { ObjectStore } from '../object-stores/object-store.js'
import type { Unlock } from '../repository/format/key-slots.js'
import { Repository } from '../repository/repository.js'
import { findConfig, type Reach, withStore } from './repository-access.js'
import type { InitFlags } from './repository-commands.js'
import { findSecret, getNewPassphrase } from './repository-secret.js'
import { shortCall } from './repository-work.js'
import type { Session } from './session.js'
import { printLine } from './terminal.js'

/** `repository init`: prints the destination. */
export async function initRepository(text: string, flags: InitFlags, reach: Reach): Promise<void> {
  const destination = parseDestination(text)
  const call = shortCall(reach.session)
  await withStore(destination, reach, async (store) => {
    // Before a passphrase is asked for.
    if ((await findConfig(store, call)) !== undefined) {
      throw new ConvoyError('already-exists', `there is a repository at ${store.url} already`, {
        hint: 'nothing was changed; "convoy repository stats" shows what is in it',
      })
    }
    const isTyped = flags.passphrase === true && flags.encryption === 'key'
    const opener = isTyped ? await getTypedOpener(reach.session) : await chooseOpener(store, flags.encryption, reach)
    await makeRepository(store, opener, reach, call)
  })
  printLine(reach.session.terminal, formatDestination(destination))
}

/** What a new repository is opened with, and what is said of it. */
interface Opener {
  readonly unlock: Unlock | undefined
  readonly what: string
}

/** The key that is there. Without one, and without `none`, it stops with the two ways on. */
export async function chooseOpener(
  store: ObjectStore,
  encryption: 'key' | 'none',
  { access, session }: Reach,
): Promise<Opener> {
  if (encryption === 'none') {
    return { unlock: undefined, what: 'not encrypted: whoever can read the store can read all of it' }
  }
  const secret = await findSecret(access, session)
  if (secret !== undefined) {
    const kind = secret.unlock.kind === 'key-file' ? 'the key' : 'the passphrase'
    return { unlock: secret.unlock, what: `encrypted by ${kind} in ${secret.path}` }
  }
  throw new ConvoyError('invalid-argument', `a repository at ${store.url} needs a key, and there is none yet`, {
    hint: 'make one with "convoy repository key generate" and do this again; or, for a repository that anybody may read, say --encryption none',
  })
}

async function getTypedOpener(session: Session): Promise<Opener> {
  return { unlock: await getNewPassphrase(session), what: 'encrypted by the passphrase' }
}

/** Makes a repository where none is, and says so. */
export async function makeRepository(
  store: ObjectStore,
  { unlock, what }: Opener,
  { session }: Reach,
  call: CallContext,
): Promise<Repository> {
  const encryption = unlock === undefined ? 'none' : 'key'
  const createdAtMs = session.environment.now().getTime()
  const repository = await Repository.init(store, { encryption, ...optional('unlock', unlock), createdAtMs }, call)
  session.terminal.err(`convoy: made a repository at ${store.url}, ${what}
`)
  return repository
}
