import { resolve } from 'node:path'
import type { Command } from 'commander'
import { ConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'
import { collectValues } from './arguments.js'
import { getText } from './control-client.js'
import type { Session } from './session.js'
import { printJson, printLine } from './terminal.js'
import { volumePath } from './volume-path.js'

export function addVolumeCommands(program: Command, session: Session): void {
  addCreate(program, session)
  addDelete(program, session)
  addUndelete(program, session)
  addMount(program, session)
}

/** Flags of `create` that are options of the volume under another name or none. */
interface CreateFlags {
  readonly driver?: string
  readonly size?: string
  readonly backup?: string
  readonly s3Endpoint?: string
  readonly id?: string
  readonly type?: string
  readonly iops?: string
  readonly vm?: boolean
  readonly opt?: readonly string[]
}

function addCreate(program: Command, session: Session): void {
  program
    .command('create [name]')
    .description('create a volume and print its name')
    .option('--driver <NAME>', 'the storage driver, if not the default one')
    .option('--size <SIZE>', 'bytes, or a number with k, m, g or t: 10G')
    .option('--backup <URL>', 'fill the volume from this backup')
    .option('--s3-endpoint <URL>', 'where the S3 store of the backup answers, if not at Amazon')
    .option('--id <ID>', 'adopt this volume or directory of the driver')
    .option('--type <TYPE>', 'the kind of storage, of drivers that have several')
    .option('--iops <NUMBER>', 'the I/O rate, of drivers that sell it')
    .option('--vm', 'prepare the volume for a virtual machine')
    .option('-o, --opt <KEY=VALUE>', 'any other option of the driver; repeatable', collectValues)
    .action(async (name: string | undefined, flags: CreateFlags) => {
      const { driver } = flags
      const body = { ...optional('name', name), ...optional('driver', driver), options: volumeOptions(flags) }
      printVolume(session, await session.client.post('/v1/volumes', body))
    })
}

/** The driver checks the options; here only a contradiction is refused, because one of two values would be lost. */
function volumeOptions(flags: CreateFlags): Readonly<Record<string, string>> {
  const { size, backup, s3Endpoint: endpoint, id, type, iops } = flags
  const named = { size, backup, endpoint, id, type, iops, vm: flags.vm === true ? 'true' : undefined }
  const options = new Map<string, string>()
  for (const [key, value] of Object.entries(named)) if (value !== undefined) options.set(key, value)
  for (const [key, value] of (flags.opt ?? []).map(splitOption)) {
    if ((options.get(key) ?? value) !== value) {
      throw new ConvoyError('invalid-argument', `option ${JSON.stringify(key)} has two values`, {
        hint: 'give it once',
      })
    }
    options.set(key, value)
  }
  return Object.fromEntries(options)
}

/** `key=value`; `key` alone is a switch, whose text is empty. */
function splitOption(text: string): readonly [key: string, value: string] {
  const at = text.indexOf('=')
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

function addDelete(program: Command, session: Session): void {
  program
    .command('delete <vol...>')
    .description('move volumes to the trash; "undelete" takes them back')
    .option('-r, --reference', 'only forget the volume and keep its data in place')
    .action(async (names: readonly string[], { reference }: { reference?: boolean }) => {
      const query = reference === true ? '?reference=true' : ''
      for (const name of names) {
        await remove(name, query, session)
      }
    })
}

/** A volume that cannot be deleted does not stop the others from being deleted. */
async function remove(name: string, query: string, session: Session): Promise<void> {
  try {
    await session.client.delete(`${volumePath(name)}${query}`)
  } catch (thrown) {
    session.fail(thrown)
  }
}

function addUndelete(program: Command, session: Session): void {
  program
    .command('undelete <trashed>')
    .description('take a deleted volume back from the trash and print its name')
    .option('--as <NAME>', 'its new name, when the old one is taken')
    .action(async (name: string, { as }: { as?: string }) =>
      printVolume(session, await session.client.post(`${volumePath(name)}/undelete`, optional('as', as))),
    )
}

function addMount(program: Command, session: Session): void {
  program
    .command('mount <vol>')
    .description('mount a volume on this host and print where')
    .option('--mountpoint <PATH>', 'mount it there')
    .action(async (name: string, { mountpoint }: { mountpoint?: string }) => {
      const body = optional('mountpoint', mountpoint === undefined ? undefined : absolutePath(mountpoint))
      printLine(session.terminal, getText(await session.client.post(`${volumePath(name)}/mount`, body), 'MountPoint'))
    })
  program
    .command('umount <vol>')
    .description('undo "mount"; containers that use the volume keep it')
    .action(async (name: string) => {
      await session.client.post(`${volumePath(name)}/unmount`, {})
    })
}

/** The daemon works in another directory. An empty text stays empty, for the daemon to refuse: it is no name for this directory. */
function absolutePath(text: string): string {
  return text === '' ? text : resolve(text)
}

function printVolume(session: Session, volume: unknown): void {
  if (session.globals.verbose === true) printJson(session.terminal, volume)
  else printLine(session.terminal, getText(volume, 'Name'))
}
