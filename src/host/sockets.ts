import { chmodSync, lstatSync, mkdirSync, readlinkSync, symlinkSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { ConvoyError } from '../errors.js'

/** Docker connects once for each volume when it starts: Node's default of 511 refuses most of 3,000. */
const backlog = 4096

/** Makes the socket with mode 0600 and listens. ConvoyError `in-use` when somebody answers there already. */
export async function listenOnPath(server: Server, path: string): Promise<void> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined) {
    if (!found.isSocket()) {
      throw new ConvoyError('invalid-argument', `${path} exists and is not a socket`, { hint: 'move it away' })
    }
    if ((await probeSocket(path)) === 'listening') {
      throw new ConvoyError('in-use', `another daemon answers on ${path}`, {
        hint: 'stop it, or give this one another --name',
      })
    }
    unlinkSync(path)
  }
  // The socket is made within listen(): no moment in which others could connect.
  const mask = process.umask(0o177)
  try {
    await listening(server, () => server.listen({ path, backlog }))
  } finally {
    process.umask(mask)
  }
  chmodSync(path, 0o600)
}

/** Makes `path` another name of the socket. False: something of somebody else is there, and stays. */
export async function linkSocket(path: string, socket: string): Promise<boolean> {
  const found = lstatSync(path, { throwIfNoEntry: false })
  if (found !== undefined) {
    const isLeftover = found.isSymbolicLink() || (found.isSocket() && (await probeSocket(path)) !== 'listening')
    if (!isLeftover) return false
    unlinkSync(path)
  }
  symlinkSync(socket, path)
  return true
}

/** Undoes {@link linkSocket}, unless the path leads elsewhere by now. */
export function unlinkSocket(path: string, socket: string): void {
  const isOurs = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true && readlinkSync(path) === socket
  if (isOurs) unlinkSync(path)
}

/** Listens on a socket that systemd made and keeps. */
export function listenOnDescriptor(server: Server, fd: number): Promise<void> {
  return listening(server, () => server.listen({ fd }))
}

function listening(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.once('listening', () => {
      server.off('error', reject)
      resolve()
    })
    listen()
  })
}

/** `dead`: a socket that nobody listens on; `forbidden`: it may be any of them. */
export type SocketState = 'listening' | 'dead' | 'missing' | 'forbidden'

const socketStates: Readonly<Record<string, SocketState>> = {
  ENOENT: 'missing',
  ENOTDIR: 'missing',
  EACCES: 'forbidden',
  EPERM: 'forbidden',
  // A socket whose backlog is full has an owner, too.
  EAGAIN: 'listening',
}

/** Connects and hangs up. Never waits: the kernel knows. */
export function probeSocket(path: string): Promise<SocketState> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (state: SocketState) => {
      socket.destroy()
      resolve(state)
    }
    socket.once('connect', () => end('listening'))
    socket.once('error', ({ code = '' }: NodeJS.ErrnoException) => end(socketStates[code] ?? 'dead'))
  })
}

/** Descriptors that systemd passed (sd_listen_fds(3)), by their name; a single one without a name is `plugin`. */
export function inheritedDescriptors(environment: NodeJS.ProcessEnv): ReadonlyMap<string, number> {
  const count = Number(environment['LISTEN_FDS'] ?? '0')
  if (environment['LISTEN_PID'] !== String(process.pid) || !Number.isInteger(count)) return new Map()
  const names = environment['LISTEN_FDNAMES']?.split(':') ?? []
  return new Map(Array.from({ length: count }, (_, index) => [descriptorName(names[index], index), 3 + index]))
}

function descriptorName(name: string | undefined, index: number): string {
  if (name !== undefined && name !== '' && name !== 'unknown' && !name.endsWith('.socket')) return name
  return index === 0 ? 'plugin' : 'control'
}
