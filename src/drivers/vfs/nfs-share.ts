import { createHash } from 'node:crypto'
import { ConvoyError, isConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import { parseAbsolutePath } from '../../model/options.js'
import { type MountOptions, nfsMountOptions, parseMountOptions } from './nfs-options.js'
import type { Share } from './share.js'

/** Reads `SERVER:/EXPORT` and `mount -o` options. ConvoyError `invalid-argument` says what is wrong with which. */
export function parseNfsShare(text: string, mountoptions?: string): Share {
  const source = parseShareSource(text)
  const how = parseMountOptions(mountoptions ?? '', nfsMountOptions)
  const server = source.slice(0, source.indexOf(':/')).replace(/^\[|\]$/g, '')
  const where = { share: source, ...optional('mountoptions', mountoptions) }
  return { source, server, ...how, id: idOfShare(source, how), where }
}

/** The {@link Share.id}: the same for the same options in another order. */
export function idOfShare(source: string, { versions, options }: MountOptions): string {
  const identity = [source, ...versions, ...[...options].sort()].join('\n')
  return createHash('sha256').update(identity).digest('hex').slice(0, 12)
}

/** `SERVER:/EXPORT`, in one way of writing it. */
export function parseShareSource(text: string): string {
  // Of an address without brackets nobody can tell where it ends.
  const [, server, path] =
    /^(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?):(\/.*)$/.exec(text) ?? []
  // mount(8) would take a space for the end of it.
  if (server === undefined || path === undefined || !/^[\x21-\x7e]+$/.test(path)) throw notAShare(text)
  try {
    return `${server.toLowerCase()}:${parseAbsolutePath(path)}`
  } catch (thrown) {
    throw isConvoyError(thrown, 'invalid-argument') ? notAShare(text) : thrown
  }
}

function notAShare(text: string): ConvoyError {
  return new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 100))} is not an NFS share`, {
    hint: 'write SERVER:/EXPORT, for example 10.0.0.5:/exports or [fd00::5]:/exports',
  })
}
