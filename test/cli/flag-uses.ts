import { Command } from 'commander'
import { commandGroups } from '../../src/cli/command-groups.js'
import { describeCommands } from '../../src/cli/completion-tree.js'
import { Session } from '../../src/cli/session.js'
import { daemonOptions } from '../../src/daemon/daemon-options.js'
import { silentEnvironment } from '../fakes/command-line.js'

/** Whether a command needs no daemon: every-backup-flag.test.ts tries these, every-flag.test.ts all others. */
export const needsNoDaemon = (path: string): boolean => /^(?:backup|repository)(?: |$)/.test(path)

const globalFlags = ['-s, --socket <PATH>', '--name <NAME>', '-d, --debug', '--verbose', '-v, --version']

/** Each command and flag of those commands that is in none of the lines: `jobs wait`, `jobs wait --format`. */
export async function findUnused(
  lines: readonly string[],
  isAsked: (path: string) => boolean,
): Promise<readonly string[]> {
  const program = new Command('convoy')
  for (const flag of globalFlags) program.option(flag)
  for (const { load } of commandGroups) (await load())(program, new Session(silentEnvironment), daemonOptions)
  const used = new Set(lines.flatMap((line) => usesOf(program, line.split(' '))))
  const exempt = new Set(['--help', ...program.options.map(({ long }) => long)])
  const all = describeCommands(program)
    .filter(({ path }) => path !== '' && isAsked(path))
    .flatMap(({ path, flags }) => [
      path,
      ...flags.flatMap(({ names: [name = ''] }) => (exempt.has(name) ? [] : [`${path} ${name}`])),
    ])
  return all.filter((use) => !used.has(use))
}

/** The command that the words lead to, and each flag with the command that it stands behind. */
function usesOf(program: Command, words: readonly string[]): readonly string[] {
  let command = program
  let path = ''
  const uses: string[] = []
  for (const word of words) {
    const below = command.commands.find((candidate) => candidate.name() === word)
    if (below !== undefined) {
      command = below
      path = `${path} ${word}`.trim()
    } else if (word.startsWith('--')) uses.push(`${path} ${word.replace(/=.*/, '')}`)
  }
  return [path, ...uses]
}
