import { isDeepStrictEqual } from 'node:util'
import { isConvoyError } from '../../errors.js'
import { findOption } from '../../model/options.js'
import type { Attributes } from '../../model/volume.js'
import { ebsVolumeOptions } from './ebs-options.js'
import { findTodaysNames } from './old-ebs-options.js'

/** Which of the options asked for a volume was not made with; `20G` and `20480M` are the same, and so are old and new names. */
export function differingOptions(asked: Attributes, has: Attributes): readonly string[] {
  const known = findTodaysNames(has) ?? has
  return Object.entries(findTodaysNames(asked) ?? asked).flatMap(([name, text]) =>
    // A profile means nothing beyond the options that it stands for.
    name === 'profile' || isSame(name, text, known[name]) ? [] : [name],
  )
}

function isSame(name: string, text: string, other: string | undefined): boolean {
  if (other === undefined || text === other) return text === other
  const parse = findOption(ebsVolumeOptions, name)?.parse
  try {
    return parse !== undefined && isDeepStrictEqual(parse(text), parse(other))
  } catch (thrown) {
    if (isConvoyError(thrown, 'invalid-argument')) return false
    throw thrown
  }
}
