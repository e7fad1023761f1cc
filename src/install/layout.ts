import { join } from 'node:path'

/** Where the parts of an installation go. All paths are those of the host; `--destdir` is put before them only to write. */
export interface Layout {
  /** Releases, each in a directory of its own, and `current`, which leads to the one in use. */
  readonly library: string
  readonly program: string
  readonly command: string
  readonly manual: string
  readonly bashCompletion: string
  readonly zshCompletion: string
  readonly fishCompletion: string
  readonly configuration: string
  readonly units: string
}

export function layoutAt(prefix: string): Layout {
  const library = join(prefix, 'lib/convoy')
  const share = join(prefix, 'share')
  return {
    library,
    program: join(library, 'current/build/program/convoy.cjs'),
    command: join(prefix, 'bin/convoy'),
    manual: join(share, 'man/man8/convoy.8'),
    bashCompletion: join(share, 'bash-completion/completions/convoy'),
    zshCompletion: join(share, 'zsh/site-functions/_convoy'),
    fishCompletion: join(share, 'fish/vendor_completions.d/convoy.fish'),
    configuration: '/etc/convoy',
    units: '/etc/systemd/system',
  }
}

export const unitNames = [
  'convoy.socket',
  'convoy.service',
  'convoy@.socket',
  'convoy@.service',
  'convoy-activate.service',
] as const

/** What starts with the host. The service starts with Docker, and with the first request. */
export const enabledUnits = ['convoy.socket', 'convoy.service', 'convoy-activate.service'] as const
