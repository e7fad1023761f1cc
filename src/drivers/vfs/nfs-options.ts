import { ConvoyError } from '../../errors.js'
import { findNearestWord } from '../../model/nearest-word.js'

/** One name of `mount -o` for NFS: what its value may be. No pattern: it has none. */
interface NfsOption {
  readonly value?: RegExp
}

const flag: NfsOption = {}
const seconds: NfsOption = { value: /^\d{1,6}$/ }
const count: NfsOption = { value: /^\d{1,7}$/ }
const version: NfsOption = { value: /^(?:3|4|4\.[0-2])$/ }
const port: NfsOption = { value: /^\d{1,5}$/ }
const transport: NfsOption = { value: /^(?:tcp6?|rdma6?)$/ }

/** What may be said of a mount, see nfs(5). Everything else is refused: the words come from whoever may create a volume. */
const allowed: Readonly<Record<string, NfsOption>> = {
  ...{ nfsvers: version, vers: version, proto: transport, tcp: flag, port, mountport: port, mountproto: transport },
  ...{ hard: flag, soft: flag, softerr: flag, timeo: count, retrans: count, retry: count },
  ...{ rsize: count, wsize: count, nconnect: { value: /^(?:[1-9]|1[0-6])$/ }, max_connect: count },
  ...{
    ac: flag,
    noac: flag,
    actimeo: seconds,
    acregmin: seconds,
    acregmax: seconds,
    acdirmin: seconds,
    acdirmax: seconds,
  },
  ...{
    lookupcache: { value: /^(?:all|none|pos|positive)$/ },
    cto: flag,
    nocto: flag,
    rdirplus: flag,
    nordirplus: flag,
  },
  ...{ lock: flag, nolock: flag, local_lock: { value: /^(?:all|flock|posix|none)$/ }, acl: flag, noacl: flag },
  ...{ resvport: flag, noresvport: flag, sharecache: flag, nosharecache: flag, fsc: flag, nofsc: flag },
  sec: { value: /^(?:sys|krb5[ip]?)$/ },
  ...{ noatime: flag, nodiratime: flag, relatime: flag, norelatime: flag, noexec: flag, sync: flag, async: flag },
  // What fstab and old scripts hold, and what is so in any case.
  ...{ defaults: flag, rw: flag, nosuid: flag, nodev: flag, intr: flag, nointr: flag, _netdev: flag },
}

/** Words that people copy from somewhere else, and what to say to them. */
const explanations: Readonly<Record<string, string>> = {
  ro: 'volumes are made on the share; give containers a read-only volume with "-v name:/path:ro"',
  addr: 'name the server in the share: SERVER:/EXPORT',
  bg: 'convoy waits for a server by itself',
  udp: 'NFS over UDP corrupts data on fast networks; leave it out, or say proto=tcp',
  nosymfollow: 'containers need links in their volumes',
  suid: 'a share never gets it: whoever writes to the server would be root here',
  dev: 'a share never gets it: whoever writes to the server would own the disks of this host',
}

/** How a share is mounted: the options that were given, and the protocol versions that are tried, in this order. */
export interface NfsMountOptions {
  /** Without a version. */
  readonly options: readonly string[]
  readonly versions: readonly string[]
}

/** Newest first; 4 alone lets an old server choose. */
const usualVersions = ['4.2', '4.1', '4', '3'] as const

/** Reads `nfsvers=4.1,proto=tcp`. ConvoyError `invalid-argument` for what is not allowed, by name. */
export function parseNfsMountOptions(text: string): NfsMountOptions {
  const words = text.split(',').filter((word) => word !== '')
  for (const word of words) checkWord(word)
  const versions = words.filter(isVersion).map((word) => word.replace(/^.*=/, ''))
  if (new Set(versions).size > 1) {
    throw new ConvoyError('invalid-argument', `two NFS versions: ${versions.join(' and ')}`, { hint: 'give one' })
  }
  const options = words.filter((word) => !isVersion(word) && word !== 'defaults')
  const isSoft = options.some((word) => word === 'soft' || word === 'softerr')
  return {
    options: options.includes('hard') || isSoft ? options : ['hard', ...options],
    versions: versions.length === 0 ? usualVersions : versions.slice(0, 1),
  }
}

/** The text as it is, where {@link parseNfsMountOptions} takes it. */
export function checkMountOptions(text: string): string {
  parseNfsMountOptions(text)
  return text
}

const isVersion = (word: string) => /^(?:nfs)?vers=/.test(word)

function checkWord(word: string): void {
  const [name = '', ...values] = word.split('=')
  const quoted = JSON.stringify(word.slice(0, 60))
  if (!Object.hasOwn(allowed, name)) throw refused(`mount option ${quoted} is not allowed`, hintFor(name))
  const { value } = allowed[name] ?? flag
  const given = values.length === 0 ? undefined : values.join('=')
  if (value === undefined && given !== undefined) throw refused(`mount option ${quoted}: ${name} takes no value`)
  if (value !== undefined && (given === undefined || !value.test(given)))
    throw refused(`mount option ${quoted}: that is no value of ${name}`)
}

function hintFor(name: string): string {
  const explanation = Object.hasOwn(explanations, name) ? explanations[name] : undefined
  if (explanation !== undefined) return explanation
  const known = Object.keys(allowed)
  const nearest = findNearestWord(name, known)
  return `${nearest === undefined ? '' : `did you mean ${nearest}? `}allowed are ${known.join(', ')}`
}

function refused(message: string, hint?: string): ConvoyError {
  return new ConvoyError('invalid-argument', message, hint === undefined ? {} : { hint })
}
