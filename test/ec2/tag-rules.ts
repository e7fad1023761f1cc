import { Ec2Failure, invalidValue } from './ec2-failure.js'
import type { Tags } from './records.js'

const mostTags = 50

/** Tags with more of them; the new value counts. Throws Ec2Failure for what EC2 refuses. */
export function withTags(tags: Tags, added: Tags): Tags {
  for (const [key, value] of Object.entries(added)) checkTag(key, value)
  const all = { ...tags, ...added }
  if (Object.keys(all).length > mostTags)
    throw new Ec2Failure('TagLimitExceeded', `The maximum number of tags for a resource is ${mostTags}.`)
  return all
}

/** Tags without some; a value that is given must be the one that the tag has. None given: without all. */
export function withoutTags(tags: Tags, removed: Readonly<Record<string, string | undefined>> | undefined): Tags {
  if (removed === undefined) return {}
  const isRemoved = (key: string, value: string) =>
    Object.hasOwn(removed, key) && (removed[key] === undefined || removed[key] === value)
  return Object.fromEntries(Object.entries(tags).filter(([key, value]) => !isRemoved(key, value)))
}

function checkTag(key: string, value: string): void {
  if (/^aws:/i.test(key)) throw invalidValue("Tag keys starting with 'aws:' are reserved for internal use")
  if (key === '' || Array.from(key).length > 128) throw invalidValue(`Tag key '${key}' must have 1 to 128 characters.`)
  if (Array.from(value).length > 256) throw invalidValue(`The value of tag '${key}' may have at most 256 characters.`)
}
