import { access, link, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { ConvoyError } from '../errors.js'
import { type Database, type LedgerContents, writesOf } from './ledger-write.js'
import { SqliteDatabase } from './sqlite-database.js'
import { sqliteError } from './sqlite-file.js'

/**
 * Makes a database of `contents` for `root` in place of the one that cannot be used, which is kept under another name. The new
 * one is complete before it takes the place, in one step. ConvoyError `unavailable`: the old one is still there.
 */
export async function replaceDatabase(
  root: string,
  contents: LedgerContents,
  wrap: (database: Database) => Database,
): Promise<Database> {
  const path = join(root, 'convoy.db')
  const workshop = join(root, 'rebuilding')
  try {
    await rm(workshop, { recursive: true, force: true })
    await writeAll(workshop, contents, wrap)
    await setAside(path, await unusedName(`${path}.replaced`))
    await rename(join(workshop, 'convoy.db'), path)
    await sync(root)
    await rm(workshop, { recursive: true, force: true })
  } catch (thrown) {
    throw thrown instanceof ConvoyError ? thrown : sqliteError(path, thrown)
  }
  return wrap((await SqliteDatabase.open(root)).database)
}

async function writeAll(root: string, contents: LedgerContents, wrap: (database: Database) => Database): Promise<void> {
  const database = wrap((await SqliteDatabase.open(root)).database)
  const [error] = await database.commit([{ step: 'rebuild', writes: writesOf(contents) }])
  // Closing moves the write-ahead log into the file, which is all that counts then.
  await database.close()
  if (error !== undefined) throw error
  if (await exists(join(root, 'convoy.db-wal'))) throw new ConvoyError('internal', `${root}/convoy.db has a log left`)
}

/** The log goes first: SQLite would play it back into whatever database it finds beside it. The file itself stays until it is replaced. */
async function setAside(path: string, aside: string): Promise<void> {
  for (const suffix of ['-wal', '-shm']) {
    if (await exists(`${path}${suffix}`)) await rename(`${path}${suffix}`, `${aside}${suffix}`)
  }
  if (await exists(path)) await link(path, aside)
}

async function unusedName(path: string): Promise<string> {
  let name = path
  for (let number = 2; await exists(name); number++) name = `${path}-${number}`
  return name
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function sync(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  await handle.sync().finally(() => handle.close())
}
