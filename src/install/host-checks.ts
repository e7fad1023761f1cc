import { existsSync, lstatSync, realpathSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ConvoyError } from '../errors.js'
import { defaultPlaces, oldControlSocket } from '../model/default-places.js'
import { readIfThere } from './files.js'
import type { Layout } from './layout.js'

const specFolders = ['/etc/docker/plugins', '/usr/lib/docker/plugins'] as const

const places = defaultPlaces('convoy')

/** Where Docker and the command line look for us. /var/run is /run. */
const addresses = [places['plugin-socket'], places.socket.replace(/^\/var/, '')] as const

/** Addresses of ours that an older `.spec` may hold. */
const ourAddresses = [...addresses, places.socket, oldControlSocket('convoy')].map((path) => `unix://${path}`)

/** Files that make Docker look for a plugin named convoy somewhere else. */
export function foreignSpecs(destination: string): readonly string[] {
  const files = specFolders.flatMap((folder) => ['spec', 'json'].map((kind) => `${folder}/convoy.${kind}`))
  return files.filter((file) => {
    const text = readIfThere(`${destination}${file}`)
    return text !== undefined && !ourAddresses.some((address) => text.includes(address))
  })
}

/** Those of our addresses on which a process listens, by the text of /proc/net/unix. */
export function addressesInUse(unixSockets: string): readonly string[] {
  // Of a line: number, references, protocol, flags, type, state, inode, path.
  const sockets = unixSockets.split('\n').map((line) => line.trim().split(/\s+/))
  const listening = sockets.filter((fields) => fields[3] === acceptsConnections).map((fields) => fields[7])
  return addresses.filter((address) => listening.includes(address))
}

/** __SO_ACCEPTCON of the kernel. */
const acceptsConnections = '00010000'

/** What is no socket where our sockets will be: they would take its place. */
export function foreignAddresses(destination: string): readonly string[] {
  return addresses.filter(
    (address) => lstatSync(`${destination}${address}`, { throwIfNoEntry: false })?.isSocket() === false,
  )
}

/** A program of that name which a shell would find before ours, or instead of it. */
export function foreignCommand({ command, library }: Layout, searchPath: string): string | undefined {
  const candidates = searchPath.split(delimiter).map((folder) => join(folder, 'convoy'))
  const first = candidates.find((path) => existsSync(path))
  if (first === undefined || first === command) return undefined
  return realpathSync(first).startsWith(library) ? undefined : first
}

/** The first systemd with all that the units rely on; older ones ignore settings that they do not know. */
const oldestSystemd = 245

/** ConvoyError `unsupported` without a systemd that is new enough. */
export function checkSystemd(version: string | undefined): void {
  const found = Number(/^systemd (\d+)/.exec(version ?? '')?.[1] ?? NaN)
  if (found >= oldestSystemd) return
  const what = version === undefined ? 'systemd does not run here' : `systemd ${found} is older than ${oldestSystemd}`
  throw new ConvoyError('unsupported', what, {
    hint: 'repeat it with --no-systemd: that installs the program, and says what your init system has to start',
  })
}
