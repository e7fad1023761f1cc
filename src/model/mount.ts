import { ConvoyError } from '../errors.js'
import type { VolumeName } from './volume-name.js'

declare const mountId: unique symbol
/** What Docker calls a mount: opaque, usually 64 hex digits, a new one for each start of a container. */
export type MountId = string & { readonly [mountId]: true }

/** How often one mount id holds one volume: `docker cp` mounts again with the running container's id. */
export interface MountReference {
  readonly volume: VolumeName
  readonly id: MountId
  readonly count: number
  /** The engine life that asked; a reference of an earlier one is only a hint. */
  readonly epoch: number
  /** When the last Mount was answered, ISO 8601. */
  readonly mountedAt: string
}

/** The id under which `convoy mount` holds a volume. Docker's ids are hex and never clash with it. */
export const commandLineMountId = 'convoy-mount' as MountId

export function parseMountId(text: unknown): MountId {
  // Printable ASCII: the cast is what this test proves.
  if (typeof text === 'string' && /^[\x21-\x7e]{1,256}$/.test(text)) return text as MountId
  throw new ConvoyError('invalid-argument', 'the mount has no usable ID', {
    hint: 'an ID is 1 to 256 printable ASCII characters',
  })
}
