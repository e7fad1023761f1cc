import type { Command } from 'commander'
import type { Session } from './session.js'
import { printJson } from './terminal.js'
import { volumePath } from './volume-path.js'

/** What scripts read, and often: their own file, because loading and adding the other commands takes time. */
export function addQueryCommands(program: Command, session: Session): void {
  program
    .command('list')
    .description('show all volumes as JSON, by name')
    .option('--driver <NAME>', 'only the volumes of this driver')
    .action(async ({ driver }: { driver?: string }) => {
      const query = driver === undefined ? '' : `?${new URLSearchParams({ driver }).toString()}`
      printJson(session.terminal, await session.client.get(`/v1/volumes${query}`))
    })
  program
    .command('inspect <vol>')
    .description('show one volume as JSON')
    .action(async (name: string) => printJson(session.terminal, await session.client.get(volumePath(name))))
}
