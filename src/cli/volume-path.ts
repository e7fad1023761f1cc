import { parseVolumeName } from '../model/volume-name.js'

/** A name that is none never reaches a URL, where it could mean another volume or all of them. */
export function volumePath(name: string): string {
  return `/v1/volumes/${parseVolumeName(name)}`
}
