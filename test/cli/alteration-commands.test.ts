import t, { type Test } from 'tap'
import { ServedWorld } from '../api/served-world.js'
import { runInProcess } from '../fakes/command-line.js'

async function bench(t: Test) {
  const served = await ServedWorld.start(t)
  const convoy = (...argv: readonly string[]) => runInProcess(['--socket', served.controlSocket, ...argv])
  return { world: served.world, convoy }
}

t.test('rename prints the new name, and says why it cannot', async (t) => {
  const { world, convoy } = await bench(t)
  await world.create('db')
  await world.write('db', 'kept')
  t.match(await convoy('rename', 'db', 'data'), { code: 0, out: 'data\n', err: '' })
  t.equal(await world.read('data'), 'kept')
  await world.mount('data', 'c1')
  t.match(await convoy('rename', 'data', 'db'), { code: 1, err: /"data" is mounted/ })
  t.match(await convoy('rename', 'db', '../data'), { code: 1, err: /not a volume name/ })
})

t.test('resize says nothing, or shows the volume; du shows what volumes take', async (t) => {
  const { world, convoy } = await bench(t)
  await world.create('db')
  await world.create('other', 'filesystem')
  await world.write('db', 'four')
  t.match(await convoy('resize', 'db', '10G'), { code: 0, out: '' })
  const { out } = await convoy('--verbose', 'resize', 'db', '5g')
  t.match(JSON.parse(out), { Name: 'db', DriverInfo: { Size: String(5 * 2 ** 30) } })
  t.match(await convoy('resize', 'db', '1'), { code: 1, err: /holds more/ })
  t.match(await convoy('resize', 'db', 'big'), { code: 1, err: /not a size/ })
  t.match(await convoy('du', 'db', 'none', 'other'), {
    code: 1,
    out: /4 B of 5 GiB\tdb\n.*0 B\tother\n/s,
    err: /no such volume: none/,
  })
  t.match(await convoy('du', '--format', '{{.Name}}', 'db'), { code: 1, err: /Allowed choices are text, json/ })
  const json = await convoy('du', '--format', 'json', 'db')
  t.strictSame(JSON.parse(json.out), { name: 'db', usedBytes: 4, sizeBytes: 5 * 2 ** 30 })
})

t.test('EB18 takeover says what would be lost, and takes the volume only with --force', async (t) => {
  const { world, convoy } = await bench(t)
  const { id } = await world.create('db', 'filesystem')
  await world.create('shared')
  const piece = world.storages.filesystem.piece(`disk-${id}`)
  piece.attachedTo = 'other-host'
  const refused = await convoy('takeover', 'db')
  t.match(refused, { code: 1, err: /"db" is attached to other-host, which is running/ })
  t.match(refused.err, /What it has not synced to the disk is lost/)
  t.equal(piece.attachedTo, 'other-host')
  t.match(await convoy('takeover', '--force', 'db'), { code: 0, out: 'db\n', err: '' })
  t.equal(piece.attachedTo, undefined)
  t.match(await convoy('takeover', 'db'), { code: 0, out: 'db\n' }, 'there is nothing left to take')
  t.match(await convoy('takeover', '--force', 'shared'), { code: 1, err: /all hosts use at once/ })
  t.match(await convoy('takeover', '--force', 'none'), { code: 1, err: /no such volume/ })
})
