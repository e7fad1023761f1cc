import { type Command, Option } from 'commander'
import { formatSize } from '../model/size.js'
import { readNumber } from './answer.js'
import { getText } from './control-client.js'
import type { Session } from './session.js'
import { printJson, printLine } from './terminal.js'
import { volumePath } from './volume-path.js'

/** What a volume is called, how large it may become and how large it is. */
export function addAlterationCommands(program: Command, session: Session): void {
  program
    .command('rename <vol> <name>')
    .description('give a volume that nobody uses another name, and print it')
    .action(async (name: string, newName: string) => {
      const volume = await session.client.post(`${volumePath(name)}/rename`, { name: newName })
      printLine(session.terminal, getText(volume, 'Name'))
    })
  program
    .command('resize <vol> <size>')
    .description('give a volume another size, also while it is used: 10G')
    .action(async (name: string, size: string) => {
      const volume = await session.client.post(`${volumePath(name)}/resize`, { size })
      if (session.globals.verbose === true) printJson(session.terminal, volume)
    })
  program
    .command('takeover <vol>')
    .description(
      'take a volume from a host that is lost for good; without --force say who has it, and what would be lost',
    )
    .option('--force', 'also from a host that may still write')
    .action(async (name: string, { force = false }: { force?: boolean }) => {
      const volume = await session.client.post(`${volumePath(name)}/takeover`, { force })
      printLine(session.terminal, getText(volume, 'Name'))
    })
  program
    .command('du <vol...>')
    .description('show what volumes take on their storage')
    .addOption(
      new Option('--format <FORMAT>', 'text (default), or json for one object a line').choices(['text', 'json']),
    )
    .action(async (names: readonly string[], { format }: { format?: string }) => {
      for (const name of names) await showUsage(name, format === 'json', session)
    })
}

/** A volume that cannot be measured does not keep the others. */
async function showUsage(name: string, isJson: boolean, session: Session): Promise<void> {
  try {
    const usage = await session.client.get(`${volumePath(name)}/usage`)
    const [usedBytes, sizeBytes] = [readNumber(usage, 'usedBytes'), readNumber(usage, 'sizeBytes')]
    const limit = sizeBytes === undefined ? '' : ` of ${formatSize(sizeBytes)}`
    if (isJson) session.terminal.out(`${JSON.stringify({ name, usedBytes, sizeBytes })}\n`)
    else printLine(session.terminal, `${formatSize(usedBytes ?? 0)}${limit}\t${name}`)
  } catch (thrown) {
    session.fail(thrown)
  }
}
