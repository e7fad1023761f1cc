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
    if (await isAnswered(path)) {
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
    const isLeftover = found.isSymbolicLink() || (found.isSocket() && !(await isAnswered(path)))
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

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path)
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    // A socket whose backlog is full has an owner, too.
    socket.once('error', (error: NodeJS.ErrnoException) => end(error.code === 'EAGAIN'))
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
