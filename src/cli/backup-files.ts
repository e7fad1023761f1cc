import { ConvoyError } from '../errors.js'
import { parseBackupUrl } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import { optional } from '../model/optional.js'
import { type BackupTree, openBackupTree, treeOf } from '../repository/backup-tree.js'
import { diffTrees } from '../repository/queries/diff-trees.js'
import { findEntries } from '../repository/queries/find-entries.js'
import { listTree } from '../repository/queries/list-tree.js'
import { readFile } from '../repository/queries/read-file.js'
import type { Repository } from '../repository/repository.js'
import { parsePathPattern, parseTreePath } from '../repository/format/tree-path.js'
import type { FindFlags, TreeListFlags } from './backup-file-commands.js'
import { changeListing, entryListing, rowOfChange, rowOfEntry } from './backup-entries.js'
import { choosePrinter, type ListingFlags, type PrintRows } from './listing.js'
import { type Reach, withRepository } from './repository-access.js'
import { shortCall } from './repository-work.js'
import type { Row } from './template.js'
import type { Terminal } from './terminal.js'

interface Place {
  readonly url: string
  /** Of a file, or a pattern of names. */
  readonly path: string
}

/** `backup ls`. */
export async function listFiles({ url, path }: Place, flags: TreeListFlags, reach: Reach): Promise<void> {
  const { terminal } = reach.session
  const print = choosePrinter(entryListing, flags, terminal)
  const query = { path: parseTreePath(Buffer.from(path)), recursive: flags.recursive === true }
  await withTree(url, reach, (tree) => printInParts(listTree(tree, query), rowOfEntry, { print, terminal }))
}

/** `backup find`. */
export async function findFiles({ url, path: pattern }: Place, flags: FindFlags, reach: Reach): Promise<void> {
  const { terminal } = reach.session
  const print = choosePrinter(entryListing, flags, terminal)
  const { type } = flags
  const types = optional('types', type === undefined ? undefined : new Set([type]))
  const query = { patterns: [parsePathPattern(pattern)], ...types }
  await withTree(url, reach, (tree) => printInParts(findEntries(tree, query), rowOfEntry, { print, terminal }))
}

/** `backup cat`: the bytes of the file, each of them verified before it is printed. */
export async function printFile({ url, path }: Place, reach: Reach): Promise<void> {
  const { terminal } = reach.session
  await withTree(url, reach, async (tree, call) => {
    for await (const bytes of readFile(tree, parseTreePath(Buffer.from(path)), call)) await terminal.outBytes?.(bytes)
  })
}

/** `backup diff`: of two backups of one repository, or of one and the same volume under two names. */
export async function compareBackups(
  [url, other]: readonly [string, string],
  flags: ListingFlags,
  reach: Reach,
): Promise<void> {
  const { terminal } = reach.session
  const print = choosePrinter(changeListing, flags, terminal)
  const [first, second] = [parseBackupUrl(url), parseBackupUrl(other)]
  if (JSON.stringify(first.destination) !== JSON.stringify(second.destination)) {
    throw new ConvoyError('unsupported', 'only backups of the same repository can be compared', {
      hint: '"convoy backup copy" brings one into the repository of the other',
    })
  }
  await withTree(url, reach, async (before, call, repository) => {
    const record = await repository.readRecord(second.volume, second.backup, call)
    const after = treeOf(repository, { record, index: before.index }, call)
    await printInParts(diffTrees(before, after), rowOfChange, { print, terminal })
  })
}

function withTree(
  url: string,
  reach: Reach,
  act: (tree: BackupTree, call: CallContext, repository: Repository) => Promise<void>,
): Promise<void> {
  const { destination, volume, backup } = parseBackupUrl(url)
  const call = shortCall(reach.session)
  return withRepository(destination, reach, call, async (repository) =>
    act(await openBackupTree(repository, { volume, name: backup }, call), call, repository),
  )
}

/** Trees of a million files are printed as they are read: a table at a time. */
const mostRows = 5000

interface Printing {
  readonly print: PrintRows
  readonly terminal: Terminal
}

async function printInParts<Item>(
  items: AsyncIterable<Item>,
  rowOf: (item: Item) => Row,
  { print, terminal }: Printing,
): Promise<void> {
  const rows: Row[] = []
  for await (const item of items) {
    rows.push(rowOf(item))
    if (rows.length <= mostRows) continue
    await print(rows.splice(0, mostRows))
    // Whoever reads may be slower than we are.
    await terminal.outBytes?.(new Uint8Array())
  }
  await print(rows)
}
