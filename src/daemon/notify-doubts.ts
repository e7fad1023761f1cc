import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import type { NotifyTarget } from '../model/notify-target.js'

/**
 * What would keep targets from being told, as far as this host shows it. No mistake of the configuration: a secret may come later,
 * and volumes are served without it.
 */
export async function doubtfulTargets(targets: readonly NotifyTarget[]): Promise<readonly string[]> {
  return (await Promise.all(targets.map(doubtsOf))).flat()
}

async function doubtsOf({ name, destination }: NotifyTarget): Promise<readonly string[]> {
  if (destination.kind === 'command') {
    const [program] = destination.command
    const isExecutable = await access(program, constants.X_OK).then(
      () => true,
      () => false,
    )
    return isExecutable ? [] : [`target ${name}: ${program} cannot be run`]
  }
  const { url, headersFile, secretFile } = destination
  const files = [typeof url === 'string' ? undefined : url.file, headersFile, secretFile].flatMap((path) => path ?? [])
  return (await Promise.all(files.map((path) => doubtOfSecret(name, path)))).flat()
}

async function doubtOfSecret(target: string, path: string): Promise<readonly string[]> {
  const status = await stat(path).catch(() => undefined)
  if (status?.isFile() !== true) return [`target ${target}: there is no file ${path}`]
  return (status.mode & 0o007) === 0 ? [] : [`target ${target}: ${path} holds a secret, and everybody may read it`]
}
