import { closeSync, linkSync, mkdirSync, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { codeOf, ConvoyError } from '../errors.js'
import { runChecked } from './exec.js'

export interface ArchivedFile {
  readonly name: string
  readonly text: string
}

const timeoutMs = 60_000

/**
 * Writes a .tar.gz that only its owner may read, with a folder that holds the files. It appears complete or not at all.
 * ConvoyError `already-exists`, unless `replace` is given.
 */
export async function writeArchive(
  path: string,
  files: readonly ArchivedFile[],
  existing: 'keep' | 'replace',
): Promise<void> {
  const workshop = mkdtempSync(join(tmpdir(), 'convoy-archive-'))
  const partial = `${path}.${process.pid}.partial`
  try {
    const folder = basename(path).replace(/\.tar\.gz$|\.tgz$/, '')
    mkdirSync(join(workshop, folder), { mode: 0o700 })
    for (const { name, text } of files) writeFileSync(join(workshop, folder, name), text, { mode: 0o600 })
    closeSync(openSync(partial, 'wx', 0o600))
    await runChecked('tar', ['-czf', partial, '-C', workshop, '--', folder], { timeoutMs })
    if (existing === 'replace') renameSync(partial, path)
    else linkSync(partial, path)
  } catch (thrown) {
    throw translate(path, thrown)
  } finally {
    rmSync(workshop, { recursive: true, force: true })
    rmSync(partial, { force: true })
  }
}

function translate(path: string, thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const code = codeOf(thrown)
  if (code === 'EEXIST') {
    return new ConvoyError('already-exists', `${path} exists already`, { hint: 'give another --output, or --force' })
  }
  if (code === 'ENOENT') return new ConvoyError('invalid-argument', `there is no directory ${dirname(path)}`)
  return new ConvoyError('unavailable', `${path} cannot be written: ${code}`, { cause: thrown })
}
