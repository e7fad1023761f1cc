import { cp, readFile, symlink, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { join } from 'node:path'
import { execa } from 'execa'

const checkout = fileURLToPath(new URL('../../../', import.meta.url))

/** Makes a release of this build whose database has one table more; resolves to its program. */
export async function buildNextRelease(directory: string): Promise<string> {
  for (const path of ['package.json', 'build/src', 'src/native'])
    await cp(join(checkout, path), join(directory, path), { recursive: true })
  await symlink(join(checkout, 'node_modules'), join(directory, 'node_modules'))
  const file = join(directory, 'build/src/store/migrations/index.js')
  const source = await readFile(file, 'utf8')
  const next = source.replace(/(migrations = \[[^\]]*)\]/, "$1, 'CREATE TABLE later (value TEXT) STRICT']")
  if (next === source) throw new Error(`there is no list of migrations in ${file}`)
  await writeFile(file, next)
  await execa(process.execPath, [join(directory, 'build/src/install/bundle.js')])
  return join(directory, 'build/program/convoy.cjs')
}
