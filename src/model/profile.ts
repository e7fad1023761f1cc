import { ConvoyError } from '../errors.js'
import type { OptionTable } from './options.js'
import { isVolumeName } from './volume-name.js'

/** A profile, a named set of volume options, has a name by the rule of volumes. */
export function parseProfileName(text: string): string {
  if (isVolumeName(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not the name of a profile`, {
    hint: 'use 1 to 128 of A-Z a-z 0-9 _ . - and begin with a letter or digit',
  })
}

/**
 * The one volume option that drivers neither know nor heed: it stays among a volume's options, so that the create call that made
 * the volume is recognised when it is repeated.
 */
export const profileOption = {
  profile: {
    parse: parseProfileName,
    placeholder: 'PROFILE',
    help: 'what this profile of the configuration says, unless another option says otherwise',
  },
} satisfies OptionTable
