import { execa } from 'execa'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * A program that makes backups. The scripts are bash, run after `setup`, with these variables: `program`; `source`, what to back up;
 * `repository`, a directory for what is stored; `state`, another for keys and caches, which do not count as stored; `target`, an empty
 * directory to restore into; `generation`, how many backups there are with this one.
 */
export interface BackupTool {
  /** In the tables. */
  readonly name: string
  readonly program: string
  readonly setup: string
  /** Prints it; run without setup. Where it fails the tool is not installed. */
  readonly version: string
  readonly init: string
  readonly backup: string
  /** Of the newest backup. */
  readonly restore: string
  /** How it makes sure that a backup is durable when the command returns. */
  readonly durability: string
}

const convoy: BackupTool = {
  name: 'convoy',
  program: fileURLToPath(new URL('../program/convoy.cjs', import.meta.url)),
  setup: 'export CONVOY_KEY_FILE="$state/key"; destination="vfs://$repository" options=',
  version: '"$program" --version',
  init: '"$program" repository key generate && "$program" repository init "$destination" $options',
  backup: '"$program" backup create --path "$source" --dest "$destination" --volume bench $options > "$state/url"',
  restore: '"$program" backup extract "$(cat "$state/url")" --to "$target" $options',
  durability: 'fsync of every object and its directory; syncfs of what is restored',
}

const restic: BackupTool = {
  name: 'restic',
  program: 'restic',
  setup: 'export RESTIC_PASSWORD=bench RESTIC_REPOSITORY="$repository" RESTIC_CACHE_DIR="$state"',
  version: '"$program" version',
  init: '"$program" init --quiet',
  backup: 'cd "$source" && "$program" backup --quiet .',
  restore: '"$program" restore --quiet latest --target "$target"',
  durability: 'fsync of every object; nothing of what is restored',
}

const borg: BackupTool = {
  name: 'borg',
  program: 'borg',
  setup: 'export BORG_PASSPHRASE=bench BORG_REPO="$repository" BORG_BASE_DIR="$state"',
  version: '"$program" --version',
  init: '"$program" init --encryption repokey-blake2',
  backup: 'cd "$source" && "$program" create --compression zstd,3 "::backup-$generation" .',
  restore: 'cd "$target" && "$program" extract "::backup-$generation"',
  durability: 'fsync of every segment; nothing of what is restored',
}

/** What we measure, and beside what the figures are. */
export const [subject, reference] = [convoy.name, restic.name]

export const knownTools: readonly BackupTool[] = [convoy, restic, borg]

/**
 * Tools of a JSON file: an array of tools, of which one may say `"like": "restic"` for all that it does not say itself, as
 * `[{ "name": "restic 0.19", "like": "restic", "program": "/opt/restic" }]`.
 */
export function readTools(path: string): BackupTool[] {
  const entries = JSON.parse(readFileSync(path, 'utf8')) as readonly (Partial<BackupTool> & {
    readonly like?: string
  })[]
  return entries.map(({ like, ...entry }) => {
    const tool = { ...knownTools.find(({ name }) => name === like), ...entry }
    const missing = (Object.keys(convoy) as (keyof BackupTool)[]).find((key) => typeof tool[key] !== 'string')
    if (missing !== undefined) throw new Error(`${path}: a tool does not say its ${missing}`)
    return tool as BackupTool
  })
}

/** What the script of a tool is run with. */
export type ToolVariables = Readonly<Record<'source' | 'repository' | 'state' | 'target' | 'generation', string>>

/** The words of a command that runs one of the tool's scripts. */
export function commandOf(tool: BackupTool, script: string): string[] {
  return bash(`${tool.setup}\n${script}`)
}

const bash = (script: string): string[] => ['bash', '--norc', '-euo', 'pipefail', '-c', script]

/** Nothing of the caller's own settings, and no way to a cloud. */
export function environmentOf(tool: BackupTool, variables: Partial<ToolVariables>): Record<string, string> {
  return {
    PATH: process.env['PATH'] ?? '/usr/bin:/bin',
    HOME: variables.state ?? '/nonexistent',
    LC_ALL: 'C.UTF-8',
    AWS_EC2_METADATA_DISABLED: 'true',
    ...variables,
    program: tool.program,
  }
}

/** Its version, or why it cannot be measured. */
export async function probeTool(tool: BackupTool): Promise<{ version: string } | { missing: string }> {
  const [program = '', ...args] = bash(tool.version)
  const env = environmentOf(tool, {})
  const options = { env, extendEnv: false, reject: false, stdin: 'ignore' } as const
  const { exitCode, stdout, stderr } = await execa(program, args, options)
  const [line = ''] = stdout.split('\n')
  return exitCode === 0 ? { version: line } : { missing: stderr.split('\n').at(-1) ?? 'it does not start' }
}
