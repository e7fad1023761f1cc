import { existsSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { execa } from 'execa'

const checkout = fileURLToPath(new URL('../../../', import.meta.url))

/** Builds the commit before this one in a new directory, or this one where no other is known; resolves to its program. */
export async function buildPreviousCommit(directory: string): Promise<string> {
  const git = (...args: readonly string[]) =>
    execa('git', ['-C', checkout, ...args], { encoding: 'buffer', maxBuffer: 1e9 })
  const commit = await git('rev-parse', '--verify', '-q', 'HEAD~1').then(
    () => 'HEAD~1',
    () => 'HEAD',
  )
  const archive = git('archive', commit)
  await execa('mkdir', ['-p', directory])
  await execa('tar', ['-x', '-C', directory], { input: (await archive).stdout })
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'))
  await execa('npm', ['run', '--silent', '--if-present', 'build:addon'], { cwd: directory })
  await execa(process.execPath, [join(checkout, 'node_modules/typescript/bin/tsc'), '-p', directory])
  const bundler = join(directory, 'build/src/install/bundle.js')
  if (existsSync(bundler)) await execa(process.execPath, [bundler], { cwd: directory })
  const programs = ['build/program/convoy.cjs', 'build/src/convoy.cjs'].map((path) => join(directory, path))
  const program = programs.find((path) => existsSync(path))
  if (program === undefined) throw new Error(`no program in ${directory}`)
  return program
}
