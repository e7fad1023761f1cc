import { Argument, type Command } from 'commander'
import { bashCompletion } from './completion-bash.js'
import { fishCompletion } from './completion-fish.js'
import { describeCommands } from './completion-tree.js'
import { zshCompletion } from './completion-zsh.js'
import type { Session } from './session.js'

const scripts = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const
const shells = Object.keys(scripts)

const usage = `
bash:  source <(convoy completion bash)        or write it to /etc/bash_completion.d/convoy
zsh:   convoy completion zsh > "\${fpath[1]}/_convoy"
fish:  convoy completion fish > ~/.config/fish/completions/convoy.fish`

export function addCompletionCommand(program: Command, session: Session): void {
  const command = program
    .command('completion')
    .addArgument(new Argument('<shell>', shells.join(', ')).choices(shells))
    .description('print what a shell needs to complete commands, flags and names of volumes')
    .addHelpText('after', usage)
    // Commander lets only these choices through.
    .action((shell: keyof typeof scripts) => session.terminal.out(scripts[shell](describeCommands(program))))
  session.addressPeople(command)
}
