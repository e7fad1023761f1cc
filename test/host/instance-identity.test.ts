import { readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { openInstanceIdentity } from '../../src/host/instance-identity.js'
import { QuietLog } from '../fakes/quiet-log.js'

const identity = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'm7g.large',
  region: 'eu-west-1',
  zone: 'eu-west-1a',
}
const silent = new ConvoyError('unavailable', 'EC2 does not tell this host where it is')

/** A host whose metadata can be turned off. */
class Host {
  readonly log = new QuietLog()
  readonly file: string
  key: string | undefined = 'hardware 1'
  metadata = { identity: () => Promise.resolve(identity) }

  constructor(t: Test) {
    this.file = join(t.testdir(), 'instance.json')
  }

  open = () => {
    const { metadata, file, log } = this
    return openInstanceIdentity({ metadata, file, log, machineKey: () => this.key })
  }

  silence(): void {
    this.metadata = { identity: () => Promise.reject(silent) }
  }
}

t.test('EB28 what an instance has said of itself is known when it says nothing, with a warning', async (t) => {
  const host = new Host(t)
  t.same(await host.open(), identity)
  t.same(host.log.lines, [])
  host.silence()
  t.same(await host.open(), identity)
  t.match(host.log.lines, [{ level: 'warn', fields: { err: silent, instanceId: identity.instanceId } }])
})

t.test('EB28 what it says now counts, and is remembered', async (t) => {
  const host = new Host(t)
  await host.open()
  const larger = { ...identity, instanceType: 'm7g.xlarge' }
  host.metadata = { identity: () => Promise.resolve(larger) }
  t.same(await host.open(), larger)
  host.silence()
  t.same(await host.open(), larger)
})

t.test('EB28 where nothing was said the error of the metadata tells why', async (t) => {
  const host = new Host(t)
  host.silence()
  await t.rejects(host.open(), silent)
})

t.test('EB28 what another machine has said is not believed, nor by one that nothing tells from others', async (t) => {
  const host = new Host(t)
  await host.open()
  host.silence()
  for (const key of ['hardware 2', undefined]) {
    host.key = key
    await t.rejects(host.open(), silent)
  }
  const other = new Host(t)
  other.key = 'instance i-00000000000000000'
  await other.open()
  other.silence()
  await t.rejects(other.open(), silent, 'the firmware names another instance')
})

const kept = { machine: 'hardware 1', ...identity }
const hostile: Readonly<Record<string, string>> = {
  'no JSON': '{"machine":',
  'another kind of value': '[]',
  'an id with a path in it': JSON.stringify({ ...kept, instanceId: 'i-0123456789abcdef0/../x' }),
  'a zone of another region': JSON.stringify({ ...kept, zone: 'us-east-1a' }),
  'no text': JSON.stringify({ ...kept, instanceType: { toString: 'm7g.large' } }),
  'too much': JSON.stringify({ ...kept, more: 'x'.repeat(5000) }),
}

t.test('EB28 a file that is not as it was written is not believed', async (t) => {
  const host = new Host(t)
  host.silence()
  writeFileSync(host.file, JSON.stringify(kept))
  t.same(await host.open(), identity)
  for (const [what, text] of Object.entries(hostile)) {
    writeFileSync(host.file, text)
    await t.rejects(host.open(), silent, what)
  }
})

t.test('EB28 a link is neither read nor written through', async (t) => {
  const host = new Host(t)
  const target = `${host.file}.target`
  writeFileSync(target, JSON.stringify(kept))
  symlinkSync(target, host.file)
  const { metadata } = host
  host.silence()
  await t.rejects(host.open(), silent)
  host.metadata = metadata
  await host.open()
  t.equal(readFileSync(target, 'utf8'), JSON.stringify(kept))
})

t.test('EB28 a disk that takes nothing is a warning', async (t) => {
  const host = new Host(t)
  const { metadata, log } = host
  const lost = { metadata, log, file: join(host.file, 'not-there', 'instance.json'), machineKey: () => 'hardware 1' }
  t.same(await openInstanceIdentity(lost), identity)
  t.match(host.log.lines, [{ level: 'warn', message: /cannot be remembered/ }])
})
