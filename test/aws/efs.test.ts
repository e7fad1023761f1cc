import { CreateFileSystemCommand, CreateMountTargetCommand, EFSClient } from '@aws-sdk/client-efs'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { AwsEfsApi } from '../../src/drivers/vfs/aws-efs-api.js'
import { EfsAddresses } from '../../src/drivers/vfs/efs-addresses.js'
import { OwnAccessPoints } from '../../src/drivers/vfs/own-access-points.js'
import { Journals, named, newId } from '../conformance/driver-world.js'
import { eventually } from '../engine/polling.js'
import { QuietLog } from '../fakes/quiet-log.js'
import { environment, motoRequirements, startMoto, subnetsOf } from './moto.js'

const options = motoRequirements(t)
const program = fileURLToPath(new URL('../../program/convoy.cjs', import.meta.url))
Object.assign(process.env, environment)

interface World {
  readonly endpoint: string
  readonly fileSystem: string
  readonly api: AwsEfsApi
}

/** A region with one file system, which two zones can reach. */
async function setUp(t: Test): Promise<World> {
  const endpoint = await startMoto(t)
  const client = new EFSClient({ endpoint, region: environment.AWS_REGION })
  const { FileSystemId: fileSystem = '' } = await client.send(new CreateFileSystemCommand({ CreationToken: 'test' }))
  for (const SubnetId of (await subnetsOf(endpoint)).slice(0, 2)) {
    await client.send(new CreateMountTargetCommand({ FileSystemId: fileSystem, SubnetId }))
  }
  client.destroy()
  return {
    endpoint,
    fileSystem,
    api: new AwsEfsApi({ region: () => Promise.resolve(environment.AWS_REGION), endpoint }),
  }
}

t.test('EFS, by the SDK of AWS and an emulator of its API', options, async (t) => {
  const world = await setUp(t)
  await t.test('mount targets are found, those of the own zone first', async (t) => testAddresses(t, world))
  await t.test('access points are made once, found by their tag, and deleted', async (t) => testAccessPoints(t, world))
  await t.test('what does not exist is refused in the words of AWS', async (t) => testRefusals(t, world))
  await t.test('the program as it is shipped asks AWS, and undoes what it cannot complete', async (t) =>
    testProgram(t, world),
  )
})

async function testAddresses(t: Test, { api, fileSystem }: World): Promise<void> {
  const targets = await api.mountTargets(fileSystem)
  t.equal(new Set(targets.map(({ zone }) => zone)).size, 2)
  for (const { address, zone = '' } of targets) {
    const addresses = new EfsAddresses({
      api,
      region: () => Promise.resolve(environment.AWS_REGION),
      placement: () => Promise.resolve({ region: environment.AWS_REGION, zone }),
      resolveHost: () => Promise.reject(new Error('the DNS is not asked')),
      log: new QuietLog(),
    })
    t.same(await addresses.choose(fileSystem), { server: address, zone })
  }
}

async function testAccessPoints(t: Test, { api, fileSystem }: World): Promise<void> {
  const own = new OwnAccessPoints({ api, hostId: 'this-host', pause: () => Promise.resolve() })
  const volume = { name: named('db'), id: newId() }
  const call = new Journals().call(volume)
  const wanted = { efs: fileSystem, accesspoint: 'auto', uid: '1000', gid: '2000', mode: '0750' }
  const { accesspoint = '', ...others } = await own.provide(volume, wanted, call)
  t.same(others, { mode: '0750', efs: fileSystem, ownaccesspoint: 'true' })
  t.match(await api.findAccessPoint(accesspoint), {
    state: 'available',
    tags: { 'convoy:name': 'db', 'convoy:id': volume.id, 'convoy:host': 'this-host' },
  })
  t.match(await own.provide(volume, wanted, call), { accesspoint }, 'the same one again')
  t.equal(await own.findMade(volume, call), accesspoint)
  await own.remove({ ...volume, id: newId() }, accesspoint)
  t.notOk(await own.isGone(accesspoint), 'of another volume')
  await own.remove(volume, accesspoint)
  t.ok(await own.isGone(accesspoint))
  await own.remove(volume, accesspoint)
}

async function testRefusals(t: Test, { api }: World): Promise<void> {
  const missing = { code: 'not-found', message: /FileSystemNotFound/, hint: /vfs\.efsregion/ }
  await t.rejects(api.mountTargets('fs-00000000000000000'), missing)
  t.equal(await api.findAccessPoint('fsap-00000000000000000'), undefined)
}

async function testProgram(t: Test, { api, endpoint, fileSystem }: World): Promise<void> {
  // Paths of sockets are short.
  const directory = mkdtempSync(join(tmpdir(), 'convoy-aws-'))
  const places = ['--root', join(directory, 'root'), '--socket', join(directory, 'control.sock')]
  const given = ['--ignore-config-file', '--plugin-socket', join(directory, 'plugin.sock'), ...places]
  const env = { ...environment, PATH: process.env['PATH'], CONVOY_VFS_EFSENDPOINT: endpoint }
  const daemon = spawn(process.execPath, [program, 'daemon', ...given], { env, stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  daemon.stderr.on('data', (bytes: Buffer) => (log += String(bytes)))
  t.teardown(async () => {
    daemon.kill('SIGKILL')
    await once(daemon, 'exit')
    rmSync(directory, { recursive: true })
  })
  await eventually('it is ready', () => log.includes('"ready"'))
  const convoy = (...args: readonly string[]) =>
    new Promise<string>((resolve) => {
      execFile(process.execPath, [program, ...places.slice(2), ...args], { env }, (_, stdout, stderr) =>
        resolve(stdout + stderr),
      )
    })
  const refusal = await convoy('create', '--opt', `efs=${fileSystem}`, '--opt', 'accesspoint=auto', 'db')
  t.match(refusal, /mount\.efs.*amazon-efs-utils/s)
  t.same(await api.accessPointsOf(fileSystem), [], 'the access point that it made is gone')
  t.notMatch(await convoy('ls', '-q'), /db/)
  t.match(await convoy('create', '--opt', 'accesspoint=fsap-1', 'db'), /not an EFS access point/)
}
