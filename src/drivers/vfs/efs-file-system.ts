import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'

/** An EFS file system, or a directory of it that an access point shows as the whole. */
export interface EfsFileSystem {
  /** `fs-0123456789abcdef0` */
  readonly fileSystem: string
  /** `fsap-0123456789abcdef0` */
  readonly accessPoint?: string
  /** Mounted by `amazon-efs-mount-helper`, by way of a proxy on this host. */
  readonly tls: boolean
  /** Who serves it, as the kernel may call it; there is more than one address, and they change. */
  readonly servers: RegExp
  /** What the mount table shows while it is mounted. */
  readonly shownAs: RegExp
}

/** What the volume's access point is called that convoy makes and deletes with it. */
export const ownAccessPoint = 'auto'

export function parseFileSystemId(text: string): string {
  if (/^fs-[0-9a-f]{8,40}$/.test(text)) return text
  throw notAnId(text, 'an EFS file system', 'write its id, for example fs-0123456789abcdef0')
}

export function parseAccessPoint(text: string): string {
  if (text === ownAccessPoint || /^fsap-[0-9a-f]{8,40}$/.test(text)) return text
  throw notAnId(text, 'an EFS access point', 'write its id, for example fsap-0123456789abcdef0, or auto for a new one')
}

export interface ParsedFileSystem {
  readonly efs: EfsFileSystem
  /** The mount options, with what they imply. */
  readonly options: readonly string[]
  readonly where: Attributes
}

/** Reads `efs`, `accesspoint` and the words of `mountoptions` that are for EFS alone. */
export function parseEfsFileSystem(given: Attributes, words: readonly string[]): ParsedFileSystem {
  const fileSystem = parseFileSystemId(given['efs'] ?? '')
  if (given['share'] !== undefined) throw wrong('efs and share exclude each other', 'a volume lies on one of them')
  const accessPoint = accessPointOf(given, words)
  const rest = words.filter((word) => !isOf('accesspoint', word) && word !== 'notls' && word !== 'tls')
  const needsTls = accessPoint !== undefined || rest.some((word) => isOf('iam', word))
  const tls = needsTls || words.includes('tls')
  if (tls && words.includes('notls')) {
    throw wrong('notls does not go with tls, iam or an access point', 'AWS takes those by TLS alone: leave notls out')
  }
  const forHelper = rest.find((word) => isOf('az', word) || isOf('mounttargetip', word))
  if (forHelper !== undefined && !tls) throw wrong(`mount option ${forHelper} is for the mount helper`, 'add tls')
  const helped = tls ? ['tls', ...(accessPoint === undefined ? [] : [`accesspoint=${accessPoint}`])] : []
  return {
    efs: { fileSystem, ...optional('accessPoint', accessPoint), tls, ...shownFor(fileSystem, tls) },
    options: [...rest, ...helped],
    where: {
      efs: fileSystem,
      ...optional('accesspoint', accessPoint),
      ...optional('mountoptions', withoutAccessPoint(given['mountoptions'])),
      ...optional('ownaccesspoint', given['ownaccesspoint']),
    },
  }
}

/** The options for another access point of the same file system. */
export function withoutAccessPoint(mountoptions: string | undefined): string | undefined {
  const words = mountoptions?.split(',').filter((word) => !isOf('accesspoint', word))
  return words === undefined || words.length === 0 ? undefined : words.join(',')
}

function accessPointOf({ accesspoint }: Attributes, words: readonly string[]): string | undefined {
  const named = words.filter((word) => isOf('accesspoint', word)).map((word) => word.slice('accesspoint='.length))
  const all = new Set([...(accesspoint === undefined ? [] : [parseAccessPoint(accesspoint)]), ...named])
  if (all.size > 1) throw wrong(`several access points: ${[...all].join(', ')}`, 'a volume lies on one of them')
  return [...all][0]
}

/** Another file system behind a proxy looks the same: what is said to be in use may be that one's, which is the safe way to err. */
function shownFor(fileSystem: string, tls: boolean): Pick<EfsFileSystem, 'servers' | 'shownAs'> {
  const direct = `[0-9.]+|\\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]+\\]?|${fileSystem}\\.[a-z0-9.-]+`
  const proxy = '127(?:\\.\\d+){3}|\\[?::1\\]?|localhost'
  return {
    servers: new RegExp(`^(?:${direct}|${proxy})$`),
    shownAs: tls ? new RegExp(`^(?:${proxy}):/$`) : new RegExp(`^(?!${proxy})(?:${direct}):/$`),
  }
}

const isOf = (name: string, word: string) => word === name || word.startsWith(`${name}=`)

function notAnId(text: string, what: string, hint: string): ConvoyError {
  return wrong(`${JSON.stringify(text.slice(0, 60))} is not ${what}`, hint)
}

function wrong(message: string, hint: string): ConvoyError {
  return new ConvoyError('invalid-argument', message, { hint })
}
