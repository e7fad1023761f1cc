import type { Test } from 'tap'
import { memoryDirectory } from '../host/memory-directory.js'
import { type Destination, KillWorld } from './kill-world.js'
import { chooseSeed, PseudoRandom } from './pseudo-random.js'
import { snapshotTree } from './tree-snapshot.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const kills = isSoak ? 100 : 2
const mebibytes = isSoak ? 200 : 24
const seed = chooseSeed()
/** A start of the program takes about that long. */
const leastMs = 100

export type MakeDestination = (t: Test, directory: string) => Promise<Destination>

/** The tests of the real program at one kind of destination. */
export function tellOfKills(t: Test, place: string, make: MakeDestination): void {
  t.setTimeout(isSoak ? 0 : 280_000)
  t.comment(`CONVOY_SEED=${seed}`)
  t.test(
    `BK02 a backup to ${place} that is killed at any moment leaves nothing half, and nothing arrives twice`,
    async (t) => tellOfBackups(t, make),
  )
  t.test(
    `BK02 a prune of ${place} that is killed at any moment costs no backup anything, and the next one ends it`,
    async (t) => tellOfPrunes(t, make),
  )
}

async function tellOfBackups(t: Test, make: MakeDestination): Promise<void> {
  const { world, random } = await makeWorld(t, make)
  world.fill('old', mebibytes, random)
  const before = await world.backUp()
  world.fill('new', mebibytes, random)
  const wanted = snapshotTree(world.source)
  for (let count = 0; count < kills; count++) {
    const { exitCode } = await world.killBackup(1 + random.integer(isSoak ? 10 : 2))
    t.comment(exitCode === 0 ? 'it was faster' : `killed, with ${(await world.storedChunks()).size} chunks stored`)
    for (const url of (await world.listed()).filter((one) => one !== before))
      t.strictSame(await world.restored(url), wanted)
  }
  const last = await world.backUp()
  t.strictSame(
    [...(await world.storedChunks())].filter(([, times]) => times > 1),
    [],
  )
  t.strictSame(await world.restored(last), wanted)
  await world.verify()
}

async function tellOfPrunes(t: Test, make: MakeDestination): Promise<void> {
  const { world, random } = await makeWorld(t, make)
  for (const name of ['stays', 'goes', 'goes-too']) world.fill(name, mebibytes / 4, random)
  const first = await world.backUp()
  world.removeFilled('goes')
  const second = await world.backUp()
  world.removeFilled('goes-too')
  const last = await world.backUp()
  const wanted = snapshotTree(world.source)
  for (const url of [first, second]) {
    await world.delete(url)
    for (let count = 0; count < kills / 2; count++) {
      await world.killPrune(leastMs + random.integer(400))
      await world.unlock()
      await world.verify()
    }
  }
  await world.prune()
  await world.prune()
  t.equal(await world.reclaimableBytes(), 0)
  t.strictSame(await world.listed(), [last])
  t.strictSame(await world.restored(last), wanted)
}

async function makeWorld(t: Test, make: MakeDestination) {
  const directory = memoryDirectory(t)
  return { random: new PseudoRandom(seed), world: new KillWorld(directory, await make(t, directory)) }
}
