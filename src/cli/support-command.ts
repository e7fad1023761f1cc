import { resolve } from 'node:path'
import type { Command } from 'commander'
import { formatSize } from '../model/size.js'
import { doctorTimeoutMs } from './doctor-command.js'
import type { Session } from './session.js'
import { oneLine, printLine } from './terminal.js'

interface SupportFlags {
  readonly output?: string
  readonly force?: boolean
}

export function addSupportCommand(program: Command, session: Session): void {
  const command = program
    .command('support')
    .description('pack logs, configuration, what doctor finds and the form of the database; no data, no secrets')
    .option('-o, --output <FILE>', 'where to (default: convoy-support-TIME.tar.gz, here)')
    .option('--force', 'replace a file that is there already')
    .action(async ({ output, force }: SupportFlags) => {
      const { terminal, environment, globals } = session
      const path = resolve(output ?? `convoy-support-${compact(environment.now())}.tar.gz`)
      const doctor = await environment.openDoctor(session.clientWithin(doctorTimeoutMs), globals)
      const packed = await doctor.support({ path, existing: force === true ? 'replace' : 'keep' })
      printLine(terminal, packed.path)
      for (const { name, bytes } of packed.files) terminal.err(`  ${name}  ${formatSize(bytes)}\n`)
      for (const reason of packed.missing) terminal.err(`  missing: ${oneLine(reason)}\n`)
      terminal.err('convoy: secrets are removed as far as they can be told; look through it before you pass it on\n')
    })
  session.addressPeople(command)
}

/** `20261120T120000Z` */
const compact = (time: Date) => time.toISOString().replace(/[-:]|\.\d+/g, '')
