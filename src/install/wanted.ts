import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { type Layout, unitNames } from './layout.js'
import type { Source } from './source.js'

/** A file that an installation consists of, besides the program. */
export interface WantedFile {
  readonly path: string
  readonly content: string
}

/** Manual, completions and the sample configuration. */
export function documents(source: Source, layout: Layout): readonly WantedFile[] {
  const completion = (shell: string) => {
    const program = join(source.root, 'build/program/convoy.cjs')
    return execFileSync(process.execPath, [program, 'completion', shell], { encoding: 'utf8' })
  }
  return [
    { path: layout.manual, content: source.read('man/convoy.8') },
    { path: layout.bashCompletion, content: completion('bash') },
    { path: layout.zshCompletion, content: completion('zsh') },
    { path: layout.fishCompletion, content: completion('fish') },
    { path: join(layout.configuration, 'convoy.yaml.sample'), content: source.read('systemd/convoy.yaml.sample') },
  ]
}

/** The units, with this Node and this program. */
export function units(source: Source, layout: Layout): readonly WantedFile[] {
  return unitNames.map((name) => ({
    path: join(layout.units, name),
    content: source
      .read(join('systemd', name))
      .replaceAll('/usr/bin/node', process.execPath)
      .replaceAll('/usr/local/lib/convoy/current/build/program/convoy.cjs', layout.program),
  }))
}
