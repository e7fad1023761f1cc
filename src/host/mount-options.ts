import { ConvoyError } from '../errors.js'

/** Words that decide more than how a file system is mounted, or that undo what we force. */
const refusedNames: ReadonlySet<string> = new Set([
  // Who may use what is on it, and who may unmount it.
  ...['suid', 'dev', 'user', 'users', 'owner', 'group'],
  // Another operation than a mount of this source.
  ...['bind', 'rbind', 'move', 'remount', 'loop', 'offset', 'sizelimit', 'helper', 'uhelper', 'fd', 'journal_dev'],
  // mount(8) would answer before the mount is there.
  'bg',
  // Labels that mandatory access control trusts.
  ...['context', 'fscontext', 'defcontext', 'rootcontext', 'seclabel'],
  // Whether containers see each other's mounts.
  ...['shared', 'slave', 'private', 'unbindable', 'rshared', 'rslave', 'rprivate', 'runbindable'],
])

/** What every mount gets, last, because the last word wins. */
const forcedOptions = ['nosuid', 'nodev'] as const

/** The argument of `mount -o`. Throws `invalid-argument` for what could be several options, or is more than an option. */
export function formatMountOptions(options: readonly string[]): string {
  for (const option of options) checkOption(option)
  return [...options, ...forcedOptions].join(',')
}

function checkOption(option: string): void {
  if (!/^[a-z0-9_][a-z0-9_=.:+-]{0,254}$/i.test(option)) {
    throw refused(option, 'use one name or name=value of letters, digits and _ = . : + - per option')
  }
  const text = option.toLowerCase()
  const name = text.split('=', 1)[0] ?? text
  // x- and X- options are instructions to mount(8) and systemd, such as X-mount.mkdir.
  if (name.startsWith('x-') || refusedNames.has(name) || text.endsWith('=panic')) {
    throw refused(option, 'it does more than choose how the file system is mounted')
  }
}

function refused(option: string, hint: string): ConvoyError {
  return new ConvoyError('invalid-argument', `mount option ${JSON.stringify(option.slice(0, 60))} is refused`, { hint })
}
