import { spawn } from 'node:child_process'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConvoyError, isErrno } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import type { JobProcess, JobProgress } from '../model/job.js'
import type { Attributes } from '../model/volume.js'
import type { JobAssignment, JobProcesses, JobResult } from './job-processes.js'
import { isSameProcess, readStartTime } from './process-identity.js'

const pollMs = 250
const killAfterMs = 5000

/** Jobs as processes of their own session below `<root>/jobs/<id>`, so that a stop of the daemon does not stop them. */
export class SystemJobProcesses implements JobProcesses {
  readonly #root: string
  readonly #command: readonly string[]
  /** Written to the process's standard input: what must not stand in a file or on a command line. */
  readonly #configuration: string

  /** `command`: the program that runs a job when its folder is appended. */
  constructor(options: { readonly root: string; readonly command: readonly string[]; readonly configuration: string }) {
    this.#root = options.root
    this.#command = options.command
    this.#configuration = options.configuration
  }

  async start(id: string, assignment: JobAssignment): Promise<JobProcess> {
    const folder = this.#folder(id)
    try {
      // Not recursive: that says ENOENT where the disk is full.
      for (const path of [this.#root, folder]) await mkdir(path, { mode: 0o700 }).catch(unlessThere)
      return await this.#spawn(folder, assignment)
    } catch (cause) {
      const message = cause instanceof Error ? cause.message : String(cause)
      throw new ConvoyError('unavailable', `cannot start a process: ${message}`, {
        hint: `look at the disk of ${this.#root}: is it full (df, df -i) or read-only?`,
        cause,
      })
    }
  }

  async #spawn(folder: string, assignment: JobAssignment): Promise<JobProcess> {
    await writeJobFile(folder, 'request.json', assignment)
    const [program = '', ...args] = this.#command
    const log = await open(join(folder, 'log'), 'a', 0o600)
    try {
      const child = spawn(program, [...args, folder], { detached: true, stdio: ['pipe', log.fd, log.fd], env: {} })
      await new Promise<void>((resolve, reject) => child.once('spawn', resolve).once('error', reject))
      child.stdin?.on('error', () => undefined).end(this.#configuration)
      child.unref()
      return identify(child.pid)
    } finally {
      await log.close()
    }
  }

  async ended(process: JobProcess): Promise<void> {
    while (this.isRunning(process)) await new Promise((resolve) => setTimeout(resolve, pollMs).unref())
  }

  isRunning(process: JobProcess): boolean {
    return isSameProcess(process)
  }

  async kill(jobProcess: JobProcess): Promise<void> {
    signalGroup(jobProcess, 'SIGTERM')
    const deadline = setTimeout(() => signalGroup(jobProcess, 'SIGKILL'), killAfterMs)
    await this.ended(jobProcess)
    clearTimeout(deadline)
  }

  async readResult(id: string): Promise<JobResult | undefined> {
    const json = await readJobFile(this.#folder(id), 'result.json')
    if (json === undefined) return undefined
    const { error, journal } = json
    return { ...(typeof error === 'string' ? { error } : {}), journal: readNotes(journal) }
  }

  async readProgress(id: string): Promise<JobProgress | undefined> {
    const json = await readJobFile(this.#folder(id), 'progress.json')
    if (typeof json?.['done'] !== 'number') return undefined
    const { done, total, unit, waitsFor } = json
    return {
      done,
      ...(typeof total === 'number' ? { total } : {}),
      unit: unit === 'bytes' ? 'bytes' : 'entries',
      ...(typeof waitsFor === 'string' ? { waitsFor } : {}),
    }
  }

  async removeFolder(id: string): Promise<void> {
    await rm(this.#folder(id), { recursive: true, force: true })
  }

  #folder(id: string): string {
    if (!/^[0-9a-f-]{8,64}$/.test(id))
      throw new ConvoyError('invalid-argument', `${JSON.stringify(id)} is not a job id`)
    return join(this.#root, id)
  }
}

/** Replaces one of a job's files as a whole, so that a reader never sees half of it. */
export async function writeJobFile(folder: string, name: string, value: unknown): Promise<void> {
  const partial = join(folder, `${name}.partial`)
  await writeFile(partial, JSON.stringify(value), { mode: 0o600, flush: true })
  await rename(partial, join(folder, name))
}

/** The object in one of a job's files; `undefined` when there is no such file or it holds something else. */
export async function readJobFile(
  folder: string,
  name: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    return parseJsonObject(await readFile(join(folder, name), 'utf8'))
  } catch {
    return undefined
  }
}

function unlessThere(thrown: unknown): void {
  if (!isErrno(thrown, 'EEXIST')) throw thrown
}

function readNotes(value: unknown): Attributes {
  if (typeof value !== 'object' || value === null) return {}
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  )
}

function identify(pid: number | undefined): JobProcess {
  const startTime = pid === undefined ? undefined : readStartTime(pid)
  // A process that has ended already has no start time to read: one that nobody else can have says just that.
  return { pid: pid ?? 0, startTime: startTime ?? 'ended' }
}

function signalGroup(jobProcess: JobProcess, signal: NodeJS.Signals): void {
  if (!isSameProcess(jobProcess)) return
  try {
    process.kill(-jobProcess.pid, signal)
  } catch {
    // It ended in between.
  }
}
