import { ConvoyError } from '../../errors.js'
import type { Attributes } from '../../model/volume.js'

/** EC2 takes 50 in all; ours take up to 19. */
const mostTags = 30
const longestKey = 128
/** What controls a terminal, and halves of characters. */
const notText = /[\p{Cc}\p{Cs}]/u
const longestValue = 256

/** The value of a tag. */
export function parseTag(text: string): string {
  if (text.length <= longestValue && !notText.test(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is no value of a tag`, {
    hint: `it has at most ${longestValue} characters, and none that control a terminal`,
  })
}

/** `team=db,cost-center=7` */
export function parseTags(text: string): Attributes {
  const pairs = text.split(',').map((pair) => {
    const at = pair.indexOf('=')
    if (at > 0) return [pair.slice(0, at).trim(), parseTag(pair.slice(at + 1).trim())] as const
    throw new ConvoyError('invalid-argument', `${JSON.stringify(pair.slice(0, 60))} is not KEY=VALUE`, {
      hint: 'part tags with commas: team=db,stage=test; a value with a comma is given as -o tag.KEY=VALUE',
    })
  })
  return mergeTags(...pairs.map(([key, value]) => ({ [key]: value })))
}

/** All of them. ConvoyError `invalid-argument` for one that is given twice, or is not for users. */
export function mergeTags(...parts: readonly Attributes[]): Attributes {
  const all = parts.flatMap((part) => Object.entries(part))
  const keys = all.map(([key]) => key)
  const twice = keys.find((key, index) => keys.indexOf(key) !== index)
  if (twice === undefined) return checkTagKeys(Object.fromEntries(all))
  throw new ConvoyError('invalid-argument', `the tag ${JSON.stringify(twice.slice(0, 60))} is given twice`, {
    hint: 'give each tag once, in tags or as tag.KEY',
  })
}

function checkTagKeys(tags: Attributes): Attributes {
  const keys = Object.keys(tags)
  for (const key of keys) {
    if (key === '' || key.length > longestKey || notText.test(key)) {
      throw new ConvoyError('invalid-argument', `${JSON.stringify(key.slice(0, 60))} is no key of a tag`, {
        hint: `it has from 1 to ${longestKey} characters, and none that control a terminal`,
      })
    }
    if (/^(?:aws|convoy):/i.test(key) || key === 'Name') {
      throw new ConvoyError('invalid-argument', `the tag ${JSON.stringify(key)} is not for users`, {
        hint: 'Name is the name of the volume; AWS and convoy set those that begin with aws: and convoy:',
      })
    }
  }
  if (keys.length <= mostTags) return tags
  throw new ConvoyError('invalid-argument', `${keys.length} tags are more than ${mostTags}`, {
    hint: 'EC2 takes 50 for each volume, and convoy needs some of them',
  })
}
