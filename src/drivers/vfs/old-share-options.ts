import { basename, dirname } from 'node:path'
import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import { type Option, parseAbsolutePath } from '../../model/options.js'
import type { Attributes } from '../../model/volume.js'

const path = { parse: parseAbsolutePath, placeholder: 'PATH' }

/** As Rancher's NFS driver named a share: for Compose files that are older than this program. */
export const oldShareOptions = {
  host: { parse: String, placeholder: 'SERVER', help: 'the same as share, with exportBase or export' },
  exportBase: { ...path, help: 'with host: the export that holds the volume' },
  export: { ...path, help: 'with host: the directory that is the volume, to be taken over' },
  mntOptions: { parse: String, placeholder: 'OPTIONS', help: 'the same as mountoptions' },
} satisfies Readonly<Record<string, Option<unknown>>>

/** The options in today's names. ConvoyError `invalid-argument` for a server without a directory, or the other way round. */
export function withTodaysNames(options: Attributes): Attributes {
  const { host, exportBase, export: directory, mntOptions, ...others } = options
  const named = { ...optional('mountoptions', mntOptions), ...others }
  if (host === undefined && exportBase === undefined && directory === undefined) return named
  const place = exportBase ?? (directory === undefined ? undefined : dirname(directory))
  if (host === undefined || place === undefined || others['share'] !== undefined) {
    throw new ConvoyError('invalid-argument', 'host goes with exportBase or export, and without share', {
      hint: 'write share=SERVER:/EXPORT',
    })
  }
  const taken = exportBase === undefined && directory !== undefined ? { id: basename(directory) } : {}
  return { ...taken, ...named, share: `${host}:${place}` }
}
