import type { Command } from 'commander'
import type { OptionTable } from '../model/options.js'
import type { Session } from './session.js'

/** Adds some commands to the program. `options` are the daemon's, for what describes them. */
type AddCommands = (program: Command, session: Session, options?: OptionTable) => void

export interface CommandGroup {
  readonly commands: readonly string[]
  readonly load: () => Promise<AddCommands>
}

/** In the order of the help. Each is a file of its own, and only the one that was asked for is loaded. */
export const commandGroups: readonly CommandGroup[] = [
  { commands: ['daemon'], load: async () => (await import('./daemon-command.js')).addDaemonCommand },
  { commands: ['info', 'profiles'], load: async () => (await import('./config-commands.js')).addConfigCommands },
  {
    commands: ['create', 'delete', 'undelete', 'mount', 'umount'],
    load: async () => (await import('./volume-commands.js')).addVolumeCommands,
  },
  { commands: ['list', 'inspect'], load: async () => (await import('./query-commands.js')).addQueryCommands },
  {
    commands: ['rename', 'resize', 'takeover', 'du'],
    load: async () => (await import('./alteration-commands.js')).addAlterationCommands,
  },
  { commands: ['ls'], load: async () => (await import('./ls-command.js')).addLsCommand },
  { commands: ['ps'], load: async () => (await import('./ps-command.js')).addPsCommand },
  { commands: ['trash'], load: async () => (await import('./trash-commands.js')).addTrashCommands },
  { commands: ['jobs'], load: async () => (await import('./job-commands.js')).addJobCommands },
  { commands: ['events'], load: async () => (await import('./event-commands.js')).addEventCommands },
  { commands: ['notify'], load: async () => (await import('./notify-commands.js')).addNotifyCommands },
  { commands: ['backup'], load: async () => (await import('./backup-commands.js')).addBackupCommands },
  { commands: ['repository'], load: async () => (await import('./repository-commands.js')).addRepositoryCommands },
  { commands: ['rebuild'], load: async () => (await import('./rebuild-command.js')).addRebuildCommand },
  { commands: ['drivers'], load: async () => (await import('./drivers-command.js')).addDriversCommand },
  { commands: ['doctor'], load: async () => (await import('./doctor-command.js')).addDoctorCommand },
  { commands: ['support'], load: async () => (await import('./support-command.js')).addSupportCommand },
  { commands: ['version'], load: async () => (await import('./version-command.js')).addVersionCommand },
  { commands: ['completion'], load: async () => (await import('./completion-command.js')).addCompletionCommand },
]

/** Those that the first word needs: one, or all where every command is wanted or the word is none of them. */
export function groupsFor(word: string | undefined): readonly CommandGroup[] {
  const group = commandGroups.find(({ commands }) => word !== undefined && commands.includes(word))
  return group === undefined || word === 'completion' ? commandGroups : [group]
}

/** The first word of a command line that is neither a flag nor the value of a global one. */
export function findFirstWord(argv: readonly string[]): string | undefined {
  for (let at = 0; at < argv.length; at++) {
    const word = argv[at] ?? ''
    if (!word.startsWith('-')) return word
    if (word === '--') return undefined
    if (/^(?:-s|--?socket|--?name)$/.test(word)) at++
  }
  return undefined
}
