import { readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { Ec2Emulator } from '../ec2/emulator.js'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

interface PolicyDocument {
  readonly Statement: readonly { readonly Sid: string }[]
}

const nobody = {
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_CONFIG_FILE: '/dev/null',
  AWS_SHARED_CREDENTIALS_FILE: '/dev/null',
}

async function prepare(t: Test) {
  const emulator = await Ec2Emulator.start(t)
  emulator.metadata.instanceId = emulator.cloud.addInstance().id
  const daemon = new DaemonProcess(t)
  const settings = { drivers: ['vfs', 'ebs'], args: ['--driver-opts', `ebs.endpoint=${emulator.endpoint}`] }
  const command = (...argv: readonly string[]) => convoy(['-s', daemon.controlSocket, ...argv])
  return { emulator, daemon, settings, command, env: emulator.environment() }
}

const wholePolicy = JSON.parse(
  readFileSync(new URL('../../../plugin-spec/iam-policy.json', import.meta.url), 'utf8'),
) as PolicyDocument

const withoutLook = { ...wholePolicy, Statement: wholePolicy.Statement.filter(({ Sid }) => Sid !== 'Look') }

t.test('EB28 on an instance the driver runs beside another, and says where; nothing else is said', async (t) => {
  const { daemon, settings, emulator, env, command } = await prepare(t)
  await daemon.start({ ...settings, env })
  const { ebs } = JSON.parse((await command('info')).out) as { readonly ebs: object }
  t.match(ebs, { Region: 'eu-west-1', Instance: emulator.metadata.instanceId })
  t.ok(emulator.calls.count('DescribeVolumes') > 0)
  t.notMatch(daemon.output, 'NodeVersionSupportWarning')
  t.notMatch(daemon.output, '"level":40')
})

t.test('EB28 started again without metadata, it is taken for what it was, and serves', async (t) => {
  const { daemon, settings, env } = await prepare(t)
  await daemon.start({ ...settings, env })
  await daemon.stop()
  await daemon.start({ ...settings, drivers: ['ebs'], env: { ...env, AWS_EC2_METADATA_DISABLED: 'true' } })
  t.match(daemon.output, 'taken for what it was before')
})

t.test(
  'S44 EB29 the first start is refused when EC2 is: the permission is named, or what credentials need',
  async (t) => {
    const { daemon, settings, emulator, env } = await prepare(t)
    emulator.policy = withoutLook
    const { code, output } = await daemon.refusal({ ...settings, env })
    t.equal(code, 1)
    t.match(output, /driver ebs cannot start: EC2 DescribeVolumes failed: UnauthorizedOperation/)
    t.match(output, permission)
    // Where it is has been remembered, so that only the credentials are missing now.
    const other = await daemon.refusal({ ...settings, env: nobody })
    t.match(other, { code: 1, output: credentials })
    emulator.policy = undefined
    await daemon.start({ ...settings, env })
  },
)

const permission = /allow ec2:DescribeVolumes to the role of this instance: plugin-spec\/iam-policy\.json/
const credentials = /give this instance a role, or AWS_… variables/

for (const [name, hint] of [
  ['S44 a permission that was taken away', permission],
  ['EB29 credentials that are gone', credentials],
] as const)
  t.test(`${name}: the next start serves what there is, and log and doctor say what is missing`, async (t) => {
    const { daemon, settings, emulator, env, command } = await prepare(t)
    await daemon.start({ ...settings, env })
    await daemon.stop()
    if (hint === permission) emulator.policy = withoutLook
    await daemon.start({ ...settings, env: hint === permission ? env : nobody })
    await eventually('it is logged', () => hint.test(daemon.output))
    t.match(daemon.output, /"level":(?:40|"warn").*could not be asked for its volumes/)
    t.strictSame(await daemon.plugin.create('db', { driver: 'vfs' }), {})
    t.match((await daemon.plugin.create('pg', { driver: 'ebs' })).Err, hint)
    const { findings } = JSON.parse((await command('doctor', '--json')).out) as {
      readonly findings: readonly { readonly check: string; readonly what: string }[]
    }
    t.match(
      findings.filter(({ check }) => check === 'storage' || check === 'disks').map(({ what }) => what),
      [hint, hint],
    )
  })
