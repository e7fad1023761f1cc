import { parseFileMode, wholeNumber } from './options.js'

const largestId = 2 ** 32 - 2

/** Whose a new volume is: of every driver that makes directories or file systems. */
export const ownershipOptions = {
  uid: { parse: wholeNumber(0, largestId), placeholder: 'UID', help: 'owner of a new volume (default 0)' },
  gid: { parse: wholeNumber(0, largestId), placeholder: 'GID', help: 'group of a new volume (default 0)' },
  mode: {
    parse: parseFileMode,
    default: 0o755,
    placeholder: 'MODE',
    help: 'octal mode of a new volume, 0755 so that images which do not run as root can work in it',
  },
} as const
