import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

type RunCommand = (argv: readonly string[]) => Promise<number>

/** What Docker asks in the life of a volume. */
const dockerCalls = ['Create', 'Get', 'List', 'Mount', 'Path', 'Unmount', 'Remove'] as const

/**
 * Does once what daemons and people do every day, in a temporary directory, and resolves when all of that is gone. Building and
 * installing run it, so that what V8 makes of the program can be kept.
 */
export async function rehearse(run: RunCommand): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'convoy-rehearsal-'))
  try {
    const [plugin, control] = [join(directory, 'plugin.sock'), join(directory, 'control.sock')]
    const volumes = join(directory, 'volumes')
    await mkdir(volumes)
    const places = ['--root', join(directory, 'root'), '--plugin-socket', plugin, '--socket', control]
    const daemon = run(['daemon', '--ignore-config-file', ...places, '--driver-opts', `vfs.path=${volumes}`])
    const ended = new AbortController()
    const end = () => ended.abort()
    void daemon.then(end, end)
    await playThrough(plugin, control, { run, ended: ended.signal })
    await backUp(volumes, join(directory, 'repository'), run)
    process.emit('SIGTERM')
    await daemon
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

interface Stage {
  readonly run: RunCommand
  /** Aborts when the daemon has ended: it could not start. */
  readonly ended: AbortSignal
}

async function playThrough(plugin: string, control: string, { run, ended }: Stage): Promise<void> {
  while ((await post(plugin, 'Plugin.Activate')) === undefined) {
    if (ended.aborted) return
    await sleep(20)
  }
  for (const call of dockerCalls) await post(plugin, `VolumeDriver.${call}`)
  for (const command of ['ls', 'info']) await run([command, '--socket', control])
}

async function backUp(path: string, repository: string, run: RunCommand): Promise<void> {
  await mkdir(repository)
  const destination = `vfs://${repository}`
  await run(['backup', 'create', '--path', path, '--dest', destination, '--encryption', 'none'])
  await run(['backup', 'list', destination])
}

/** Resolves to undefined while nobody answers. */
function post(socketPath: string, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request({ socketPath, path: `/${path}`, method: 'POST', agent: false })
    sent.once('response', (response) => resolve(text(response)))
    sent.once('error', () => resolve(undefined))
    sent.end(JSON.stringify({ Name: 'rehearsal', ID: 'rehearsal' }))
  })
}
