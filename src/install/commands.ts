import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { ConvoyError, isErrno, toConvoyError } from '../errors.js'
import { parseAbsolutePath } from '../model/options.js'
import { addressesInUse, checkSystemd, foreignAddresses, foreignCommand, foreignSpecs } from './host-checks.js'
import { Installation, type Step } from './installation.js'
import { enabledUnits, type Layout, layoutAt } from './layout.js'
import { unmountSteps } from './mounted-shares.js'
import type { Source } from './source.js'
import { takeTurn } from './turn.js'
import { documents, units } from './wanted.js'

interface Flags {
  readonly prefix: string
  readonly destdir: string
  readonly dryRun?: true
  /** `--no-systemd` makes it false. */
  readonly systemd: boolean
}

function install(flags: Flags, source: Source): void {
  const layout = layoutAt(flags.prefix)
  const startsHere = flags.systemd && flags.destdir === ''
  if (startsHere) {
    checkSystemd(systemdVersion())
    refuseOtherDaemon()
  }
  source.check()
  const files = [...documents(source, layout), ...(flags.systemd ? units(source, layout) : [])]
  const installation = new Installation({ layout, destination: flags.destdir })
  const foreign = [...foreignSpecs(flags.destdir), ...foreignAddresses(flags.destdir), ...commands(layout, flags)]
  refuseConflicts([...installation.conflicts(files), ...foreign])
  if (flags.dryRun !== true) installation.checkWritable(files)
  const steps = installation.install(source, files)
  perform(steps, flags)
  if (flags.dryRun === true) return
  if (!flags.systemd) sayHowToStart(layout)
  else if (startsHere) startUnits()
}

/** systemd would take the addresses from whoever listens there, and leave them running without a caller. */
function refuseOtherDaemon(): void {
  const [address] = addressesInUse(readFileSync('/proc/net/unix', 'utf8'))
  if (address === undefined || spawnSync('systemctl', ['is-active', '--quiet', 'convoy.socket']).status === 0) return
  throw new ConvoyError('in-use', `a program that systemd did not start listens on ${address}`, {
    hint: 'nothing was changed; stop that program (an older convoy, or a "convoy daemon" started by hand) first',
  })
}

function uninstall(flags: Flags): void {
  const layout = layoutAt(flags.prefix)
  const installation = new Installation({ layout, destination: flags.destdir })
  if (!installation.isThere) {
    throw new ConvoyError('not-found', `convoy is not installed in ${layout.library}`, { hint: 'name its --prefix' })
  }
  const actsOnUnits = flags.dryRun !== true && flags.destdir === '' && systemdVersion() !== undefined
  if (actsOnUnits) stopUnits()
  const shares = flags.destdir === '' ? unmountSteps() : []
  perform([...shares, ...installation.uninstall()], flags)
  if (actsOnUnits) systemctl('daemon-reload')
  if (flags.dryRun === true) return
  say('The configuration in /etc/convoy and all volumes are still there.')
  say('Docker remembers its plugins: restart it (systemctl restart docker) so that it forgets this one.')
}

function refuseConflicts(paths: readonly string[]): void {
  if (paths.length === 0) return
  throw new ConvoyError('already-exists', `something else is in the way: ${paths.join(', ')}`, {
    hint: 'nothing was changed; move it away, or install with another --prefix',
  })
}

function commands(layout: Layout, { destdir }: Flags): readonly string[] {
  const other = destdir === '' ? foreignCommand(layout, process.env['PATH'] ?? '') : undefined
  return other === undefined ? [] : [other]
}

function perform(steps: readonly Step[], { dryRun, destdir }: Flags): void {
  for (const { verb, path, reason, act } of steps) {
    if (!isRecord(path)) say(`${verb.padEnd(8)}${destdir}${path}${reason === undefined ? '' : ` (${reason})`}`)
    if (dryRun !== true) act()
  }
  if (dryRun === true) say('Nothing was changed.')
  else if (steps.every(({ path }) => isRecord(path))) say('This release is installed already.')
}

const isRecord = (path: string) => path.endsWith('/installed.json')

function startUnits(): void {
  systemctl('daemon-reload')
  systemctl('enable', '--quiet', ...enabledUnits)
  systemctl('start', 'convoy.socket')
  // One that runs is replaced while its socket keeps what is asked meanwhile. Containers do not notice.
  systemctl('try-restart', 'convoy@*.service')
  systemctl('restart', 'convoy.service')
  if (spawnSync('docker', ['version'], { stdio: 'ignore' }).error !== undefined) {
    say('Docker is not installed here. Convoy waits for it.')
    return
  }
  spawnSync('systemctl', ['restart', '--no-block', 'convoy-activate.service'], { stdio: 'ignore' })
  say('Convoy runs, and will after each boot. Try: docker volume create -d convoy db')
}

function stopUnits(): void {
  const running = ['convoy-activate.service', 'convoy@*.socket', 'convoy@*.service', 'convoy.socket', 'convoy.service']
  // Of a template, all that were enabled for a name.
  const enabled = [...enabledUnits, 'convoy@.socket', 'convoy@.service']
  spawnSync('systemctl', ['disable', '--quiet', ...enabled], { stdio: 'ignore' })
  spawnSync('systemctl', ['stop', ...running], { stdio: 'ignore' })
}

function systemctl(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('systemctl', args, { encoding: 'utf8' })
  if (status === 0) return
  throw new ConvoyError('unavailable', `systemctl ${args.join(' ')} failed: ${stderr.trim()}`, {
    hint: 'see "journalctl -u convoy"; once that is mended, run this again',
  })
}

function systemdVersion(): string | undefined {
  if (!existsSync('/run/systemd/system')) return undefined
  return spawnSync('systemctl', ['--version'], { encoding: 'utf8' }).stdout
}

function sayHowToStart({ program }: Layout): void {
  say('Have your init system start this as root, before Docker, and again whenever it ends:')
  say(`  ${process.execPath} ${program} daemon`)
  say(
    'It makes /run/docker/plugins/convoy.sock, where Docker looks. If your Docker looks elsewhere, give it the address:',
  )
  say('  echo unix:///run/docker/plugins/convoy.sock > /etc/docker/plugins/convoy.spec')
}

function say(sentence: string): void {
  process.stdout.write(`${sentence}\n`)
}

/** The whole of a path that cannot be written is said once, with what else could be done. */
function explain(thrown: unknown): ConvoyError {
  if (isErrno(thrown, 'EROFS'))
    return failed(thrown, 'remount it writable; for the program itself another --prefix will do, such as /opt/convoy')
  if (isErrno(thrown, 'EACCES', 'EPERM')) return failed(thrown, 'run it as root: sudo npm run install:host')
  if (isErrno(thrown, 'ENOSPC')) return failed(thrown, 'free some space, and run it again')
  return toConvoyError(thrown)
}

function failed(thrown: unknown, hint: string): ConvoyError {
  return new ConvoyError('unavailable', thrown instanceof Error ? thrown.message : String(thrown), {
    hint,
    cause: thrown,
  })
}

/** Runs `install` or `uninstall` with its flags; resolves to the exit code. */
export async function runInstallation(argv: readonly string[], source: Source): Promise<number> {
  try {
    await buildProgram(source).parseAsync(argv, { from: 'user' })
    return 0
  } catch (thrown) {
    process.stderr.write(`convoy: ${explain(thrown).sentence}\n`)
    return 1
  }
}

function buildProgram(source: Source): Command {
  const program = new Command('npm run').usage('install:host|uninstall:host -- [options]')
  for (const [name, act, description] of [
    ['install', install, 'install convoy on this host'],
    ['uninstall', uninstall, 'take it away again; configuration and volumes stay'],
  ] as const) {
    program
      .command(name)
      .description(description)
      .option('--prefix <DIR>', 'where the program goes', parsePrefix, '/usr/local')
      .option('--destdir <DIR>', 'write everything below this directory, for a package; starts nothing', resolve, '')
      .option('--no-systemd', 'install no units, and say what another init system has to start')
      .option('-n, --dry-run', 'only say what would be done')
      .action(async (flags: Flags) => {
        if (flags.dryRun !== true) await takeTurn(`${flags.destdir}${layoutAt(flags.prefix).library}`)
        act(flags, source)
      })
  }
  return program
}

function parsePrefix(text: string): string {
  return parseAbsolutePath(resolve(text))
}
