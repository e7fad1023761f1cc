import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Layout, unitNames } from './layout.js'
import type { Source } from './source.js'

/** A file that an installation consists of, besides the program. */
export interface WantedFile {
  readonly path: string
  readonly content: string
}

/** Everything with its content for this host: `node` is the program that runs convoy. */
export function wantedFiles(source: Source, layout: Layout, hasSystemd: boolean): readonly WantedFile[] {
  const node = process.execPath
  const completion = (shell: string) => {
    const program = join(source.root, 'build/src/convoy.cjs')
    return execFileSync(node, [program, 'completion', shell], { encoding: 'utf8' })
  }
  const units = unitNames.map((name) => ({
    path: join(layout.units, name),
    content: source
      .read(join('systemd', name))
      .replaceAll('/usr/bin/node', node)
      .replaceAll('/usr/local/lib/convoy/current/build/src/convoy.cjs', layout.program),
  }))
  return [
    { path: layout.manual, content: source.read('man/convoy.8') },
    { path: layout.bashCompletion, content: completion('bash') },
    { path: layout.zshCompletion, content: completion('zsh') },
    { path: layout.fishCompletion, content: completion('fish') },
    { path: join(layout.configuration, 'convoy.yaml.sample'), content: source.read('systemd/convoy.yaml.sample') },
    ...(hasSystemd ? units : []),
  ]
}
