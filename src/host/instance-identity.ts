import * as fs from 'node:fs'
import { isConvoyError } from '../errors.js'
import type { Logger } from '../model/call-context.js'
import { parseJsonObject } from '../model/json-object.js'
import { type Identity, type InstanceMetadata, parseIdentity } from './instance-metadata.js'
import { machineKey } from './machine-key.js'
import { fsyncHere, replaceFile } from './replace-file.js'

export interface InstanceIdentityDeps {
  readonly metadata: Pick<InstanceMetadata, 'identity'>
  /** Where it is remembered; its folder is there. */
  readonly file: string
  readonly log: Logger
  readonly machineKey?: () => string | undefined
}

const mostBytes = 4096
const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants

/**
 * Which instance this is: as EC2 says now, or, when it does not answer, as it said when it did, on this same machine. ConvoyError
 * `unavailable` where neither is known.
 */
export async function openInstanceIdentity(deps: InstanceIdentityDeps): Promise<Identity> {
  const key = (deps.machineKey ?? machineKey)()
  try {
    const identity = await deps.metadata.identity()
    await remember(identity, key, deps)
    return identity
  } catch (thrown) {
    if (!isConvoyError(thrown, 'unavailable')) throw thrown
    const identity = remembered(deps.file, key)
    if (identity === undefined) throw thrown
    deps.log.warn(
      { err: thrown, ...identity },
      'EC2 does not say which instance this is: it is taken for what it was before',
    )
    return identity
  }
}

async function remember(
  identity: Identity,
  key: string | undefined,
  { file, log }: InstanceIdentityDeps,
): Promise<void> {
  if (key === undefined) return
  const text = `${JSON.stringify({ machine: key, ...identity })}\n`
  if (textOf(file) === text) return
  try {
    await replaceFile(file, { text }, fsyncHere)
  } catch (err) {
    log.warn({ err, file }, 'which instance this is cannot be remembered: the next start needs its metadata')
  }
}

/** None when the file is of another machine, or is not as we write it. */
function remembered(file: string, key: string | undefined): Identity | undefined {
  const kept = parseJsonObject(textOf(file) ?? '')
  if (kept === undefined || key === undefined || kept['machine'] !== key) return undefined
  const identity = parseIdentity(kept)
  const isOther = key.startsWith('instance ') && key !== `instance ${identity?.instanceId}`
  return isOther ? undefined : identity
}

/** None for what is no small plain file. */
function textOf(file: string): string | undefined {
  let fd: number | undefined
  try {
    fd = fs.openSync(file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    const stat = fs.fstatSync(fd)
    return stat.isFile() && stat.size <= mostBytes ? fs.readFileSync(fd, 'utf8') : undefined
  } catch {
    return undefined
  } finally {
    if (fd !== undefined) fs.closeSync(fd)
  }
}
