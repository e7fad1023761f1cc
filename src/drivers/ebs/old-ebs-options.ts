import { ConvoyError, isConvoyError } from '../../errors.js'
import type { Option } from '../../model/options.js'
import type { Attributes } from '../../model/volume.js'

const sameAs = (today: string) => ({ parse: String, placeholder: 'VALUE', help: `the same as ${today}`, today })

/** What Convoy 0.5, REX-Ray, Cloudstor and Rancher called an option of today. What it says is read under today's name. */
export const oldEbsOptions = {
  Size: sameAs('size'),
  volumeType: sameAs('type'),
  volumetype: sameAs('type'),
  ebstype: sameAs('type'),
  IOPS: sameAs('iops'),
  encryptionKey: sameAs('kmsKeyId'),
  fstype: sameAs('fsType'),
  volumeId: sameAs('id'),
  volumeID: sameAs('id'),
  snapshotID: sameAs('snapshotId'),
  availabilityZone: sameAs('az'),
  'ebs_tag_*': { ...sameAs('tag.*'), isFamily: true },
} satisfies Readonly<Record<string, Option<unknown> & { readonly today: string }>>

const table: Readonly<Record<string, { readonly today: string }>> = oldEbsOptions

/** The options in today's names. ConvoyError `invalid-argument` when the old and the new name of one are given. */
export function withTodaysNames(options: Attributes): Attributes {
  const named = new Map<string, string>()
  for (const [name, text] of Object.entries(options)) {
    const today = nameOfToday(name)
    if (named.has(today) || (today !== name && Object.hasOwn(options, today))) {
      throw new ConvoyError('invalid-argument', `volume option ${name} is the same as ${today}: give one of them`)
    }
    named.set(today, text)
  }
  return Object.fromEntries(named)
}

/** The same of options that anybody may have written, in tags: none when they make no sense. */
export function findTodaysNames(options: Attributes): Attributes | undefined {
  try {
    return withTodaysNames(options)
  } catch (thrown) {
    if (isConvoyError(thrown, 'invalid-argument')) return undefined
    throw thrown
  }
}

function nameOfToday(name: string): string {
  if (Object.hasOwn(table, name)) return table[name]?.today ?? name
  return name.startsWith('ebs_tag_') ? `tag.${name.slice('ebs_tag_'.length)}` : name
}
