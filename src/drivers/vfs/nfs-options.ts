import { ConvoyError } from '../../errors.js'
import { findNearestWord } from '../../model/nearest-word.js'

/** One name of `mount -o`: what its value may be. No pattern: it has none. */
interface MountOption {
  readonly value?: RegExp
}

/** What may be said of mounts of one kind of share. */
export interface MountOptionTable {
  /** Everything else is refused: the words come from whoever may create a volume. */
  readonly allowed: Readonly<Record<string, MountOption>>
  /** Words that people copy from somewhere else, and what to say to them. */
  readonly explanations: Readonly<Record<string, string>>
  /** What holds for what is not said, besides `hard`: `name` or `name=value`. */
  readonly defaults: readonly string[]
  /** The versions of NFS that are tried when none is chosen, in this order. */
  readonly versions: readonly string[]
}

const flag: MountOption = {}
const seconds: MountOption = { value: /^\d{1,6}$/ }
const count: MountOption = { value: /^\d{1,7}$/ }
const version: MountOption = { value: /^(?:3|4|4\.[0-2])$/ }
const port: MountOption = { value: /^\d{1,5}$/ }
const transport: MountOption = { value: /^(?:tcp6?|rdma6?)$/ }

/** See nfs(5). */
const allowed: Readonly<Record<string, MountOption>> = {
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

const explanations: Readonly<Record<string, string>> = {
  ro: 'volumes are made on the share; give containers a read-only volume with "-v name:/path:ro"',
  addr: 'name the server in the share: SERVER:/EXPORT',
  bg: 'convoy waits for a server by itself',
  udp: 'NFS over UDP corrupts data on fast networks; leave it out, or say proto=tcp',
  nosymfollow: 'containers need links in their volumes',
  suid: 'a share never gets it: whoever writes to the server would be root here',
  dev: 'a share never gets it: whoever writes to the server would own the disks of this host',
  tls: 'it is for EFS: give efs=fs-… in place of share',
}

export const nfsMountOptions: MountOptionTable = {
  allowed,
  explanations,
  defaults: [],
  // Newest first; 4 alone lets an old server choose.
  versions: ['4.2', '4.1', '4', '3'],
}

/** What an EFS file system does not do, and what is decided for it. */
const notForEfs = ['port', 'mountport', 'mountproto', 'proto', 'tcp', 'nconnect', 'max_connect', 'sec', 'acl', 'noacl']
const { tls, ...explanationsForEfs } = explanations

/** As AWS recommends, and those of `amazon-efs-mount-helper`. */
export const efsMountOptions: MountOptionTable = {
  allowed: {
    ...Object.fromEntries(Object.entries(allowed).filter(([name]) => !notForEfs.includes(name))),
    ...{ nfsvers: { value: /^4(?:\.[01])?$/ }, vers: { value: /^4(?:\.[01])?$/ } },
    ...{ tls: flag, notls: flag, iam: flag, accesspoint: { value: /^fsap-[0-9a-f]{8,40}$/ } },
    ...{ az: { value: /^[a-z]{2}(?:-[a-z]+)+-\d[a-z0-9-]*$/ }, mounttargetip: { value: /^[0-9A-Fa-f.:]{2,45}$/ } },
  },
  explanations: {
    ...explanationsForEfs,
    nconnect: 'EFS does not support it',
    port: 'EFS has one port, 2049',
    region: 'it is an option of the daemon: vfs.efsregion',
  },
  // A server that changes its address looks to the kernel like one that went away: a new port lets it come back sooner.
  defaults: ['timeo=600', 'retrans=2', 'rsize=1048576', 'wsize=1048576', 'noresvport'],
  versions: ['4.1'],
}

/** How a share is mounted: the options that were given, and the protocol versions that are tried, in this order. */
export interface MountOptions {
  /** Without a version. */
  readonly options: readonly string[]
  readonly versions: readonly string[]
}

/** Reads `nfsvers=4.1,proto=tcp`. ConvoyError `invalid-argument` for what is not allowed, by name. */
export function parseMountOptions(text: string, table: MountOptionTable): MountOptions {
  const words = text.split(',').filter((word) => word !== '')
  for (const word of words) checkWord(word, table)
  const versions = words.filter(isVersion).map((word) => word.replace(/^.*=/, ''))
  if (new Set(versions).size > 1) {
    throw new ConvoyError('invalid-argument', `two NFS versions: ${versions.join(' and ')}`, { hint: 'give one' })
  }
  const options = words.filter((word) => !isVersion(word) && word !== 'defaults')
  const isSoft = options.some((word) => word === 'soft' || word === 'softerr')
  const defaults = table.defaults.filter((word) => !options.some((given) => nameOf(given) === nameOf(word)))
  return {
    options: [...(options.includes('hard') || isSoft ? [] : ['hard']), ...defaults, ...options],
    versions: versions.length === 0 ? table.versions : versions.slice(0, 1),
  }
}

/** The text as it is, where {@link parseMountOptions} takes it for some kind of share. */
export function checkMountOptions(text: string): string {
  const isForEfs = text.split(',').some((word) => !Object.hasOwn(allowed, nameOf(word)) && isEfsName(nameOf(word)))
  parseMountOptions(text, isForEfs ? efsMountOptions : nfsMountOptions)
  return text
}

const nameOf = (word: string) => word.split('=', 1)[0] ?? word
const isVersion = (word: string) => /^(?:nfs)?vers=/.test(word)
const isEfsName = (name: string) => Object.hasOwn(efsMountOptions.allowed, name)

function checkWord(word: string, table: MountOptionTable): void {
  const [name = '', ...values] = word.split('=')
  const quoted = JSON.stringify(word.slice(0, 60))
  if (!Object.hasOwn(table.allowed, name)) throw refused(`mount option ${quoted} is not allowed`, hintFor(name, table))
  const { value } = table.allowed[name] ?? flag
  const given = values.length === 0 ? undefined : values.join('=')
  if (value === undefined && given !== undefined) throw refused(`mount option ${quoted}: ${name} takes no value`)
  if (value !== undefined && (given === undefined || !value.test(given)))
    throw refused(`mount option ${quoted}: that is no value of ${name}`)
}

function hintFor(name: string, { allowed, explanations }: MountOptionTable): string {
  const explanation = Object.hasOwn(explanations, name) ? explanations[name] : undefined
  if (explanation !== undefined) return explanation
  const known = Object.keys(allowed)
  const nearest = findNearestWord(name, known)
  return `${nearest === undefined ? '' : `did you mean ${nearest}? `}allowed are ${known.join(', ')}`
}

function refused(message: string, hint?: string): ConvoyError {
  return new ConvoyError('invalid-argument', message, hint === undefined ? {} : { hint })
}
