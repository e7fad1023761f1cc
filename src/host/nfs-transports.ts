import { readdirSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { join } from 'node:path'
import { isErrno } from '../errors.js'
import { pause } from './clock.js'
import { runProgram } from './exec.js'

export interface NfsTransportsDeps {
  readonly directory?: string
  readonly run?: typeof runProgram
  readonly pause?: typeof pause
}

const timeoutMs = 10_000
const attemptMs = 1000
/** While a server is away the kernel makes longer and longer pauses between its attempts to connect, and lets nobody in meanwhile. */
const redirectTimeoutMs = 60_000

/** The connections that this host's kernel has to NFS servers. Linux 5.14 and later show them. */
export class NfsTransports {
  readonly #deps: Required<NfsTransportsDeps>

  constructor(deps: NfsTransportsDeps = {}) {
    this.#deps = { directory: '/sys/kernel/sunrpc/xprt-switches', run: runProgram, pause, ...deps }
  }

  /**
   * Leads all connections from one address to another of the same family. Mounts and whoever uses them stay and go on; a new
   * mount of the other address would hang, because from NFS 4.1 on the kernel knows the server again and asks it by the connection
   * that it has. Resolves to how many were led: none where the kernel does not show them, or does not let us. ConvoyError
   * `deadline-exceeded` when it may let us later.
   */
  async redirect(from: string, to: string): Promise<number> {
    const files = this.#addressFiles().filter((file) => readIfThere(file).trim() === from)
    // Not by ourselves: it waits for a connection that is being made.
    const write = (file: string) => this.#deps.run('tee', [file], { input: to, timeoutMs: redirectTimeoutMs })
    const written = new AbortController()
    const ending = this.#endAttempts(from, written.signal)
    const results = await Promise.allSettled(files.map(write))
    written.abort()
    await ending
    const led = results.filter((result) => result.status === 'fulfilled' && result.value.exitCode === 0).length
    const late = results.find((result) => result.status === 'rejected')
    if (led > 0) await this.#closeOld(from)
    else if (late !== undefined) throw late.reason
    return led
  }

  /** Who waits to change a connection that is being made is let in between two attempts: the sooner one ends, the better. */
  async #endAttempts(address: string, end: AbortSignal): Promise<void> {
    for (;;) {
      await this.#deps.pause(attemptMs, end)
      if (end.aborted) return
      await this.#closeOld(address)
    }
  }

  /** NFS 3 reuses its port, and would wait minutes for the end of the old connection. */
  async #closeOld(address: string): Promise<void> {
    const old = isIPv6(address) ? `[${address}]` : address
    await this.#deps.run('ss', ['-K', '-t', 'dst', old, 'dport', '=', ':2049'], { timeoutMs }).catch(() => undefined)
  }

  #addressFiles(): readonly string[] {
    const { directory } = this.#deps
    const below = (path: string) => listIfThere(path).map((name) => join(path, name))
    return below(directory)
      .flatMap(below)
      .filter((path) => /xprt-\d+-/.test(path))
      .map((path) => join(path, 'dstaddr'))
  }
}

const readIfThere = (path: string) => ifThere(() => readFileSync(path, 'utf8')) ?? ''
const listIfThere = (path: string) => ifThere(() => readdirSync(path)) ?? []

/** Connections come and go. */
function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT', 'ENOTDIR', 'EACCES', 'ENODEV')) return undefined
    throw thrown
  }
}
