import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import type { VolumeRequest } from '../../../src/drivers/ebs/ec2-api.js'
import { openWire, refused, said, type WireAnswer } from './ec2-wire.js'
import { never } from './virtual-time.js'

process.env['AWS_ACCESS_KEY_ID'] = 'none'
process.env['AWS_SECRET_ACCESS_KEY'] = 'none'
process.env['AWS_EC2_METADATA_DISABLED'] = 'true'

const id = 'vol-0123456789abcdef0'
const instanceId = 'i-0123456789abcdef0'
const attachment = { volumeId: id, instanceId, device: '/dev/xvdba' }

const request: VolumeRequest = {
  token: 'token-1',
  zone: 'eu-west-1a',
  type: 'gp3',
  sizeGib: 20,
  iops: 4000,
  throughput: 250,
  isEncrypted: true,
  tags: { Name: 'db', 'convoy:name': 'db' },
}

const volumeXml = (volumeId: string, tags = '') =>
  `<volumeId>${volumeId}</volumeId><size>20</size><snapshotId/><availabilityZone>eu-west-1a</availabilityZone>` +
  `<status>in-use</status><createTime>2026-01-02T03:04:05.000Z</createTime><volumeType>gp3</volumeType><iops>4000</iops>` +
  `<throughput>250</throughput><encrypted>true</encrypted><multiAttachEnabled>false</multiAttachEnabled>` +
  `<attachmentSet><item><volumeId>${volumeId}</volumeId><instanceId>${instanceId}</instanceId><device>/dev/xvdba</device>` +
  `<status>attached</status><attachTime>2026-01-02T03:05:05.000Z</attachTime></item></attachmentSet><tagSet>${tags}</tagSet>`

const volume = {
  id,
  state: 'in-use',
  zone: 'eu-west-1a',
  sizeGib: 20,
  type: 'gp3',
  iops: 4000,
  throughput: 250,
  isEncrypted: true,
  createdAt: '2026-01-02T03:04:05.000Z',
  isMultiAttach: false,
  attachments: [{ instanceId, device: '/dev/xvdba', state: 'attached', since: '2026-01-02T03:05:05.000Z' }],
  tags: {},
}

t.test('EB08 a volume is made with its token and its tags in one request, which is repeated as it was', async (t) => {
  const answers = [refused('InternalError', 'try again', 500), said('CreateVolume', volumeXml(id))]
  const { api, requests } = await openWire(t, () => answers.shift()!)
  t.same(await api.createVolume(request, never), { kind: 'made', volume })
  t.equal(requests.length, 2)
  for (const { parameters } of requests)
    t.same(parameters, {
      ClientToken: 'token-1',
      AvailabilityZone: 'eu-west-1a',
      VolumeType: 'gp3',
      Size: '20',
      Iops: '4000',
      Throughput: '250',
      Encrypted: 'true',
      'TagSpecification.1.ResourceType': 'volume',
      'TagSpecification.1.Tag.1.Key': 'Name',
      'TagSpecification.1.Tag.1.Value': 'db',
      'TagSpecification.1.Tag.2.Key': 'convoy:name',
      'TagSpecification.1.Tag.2.Value': 'db',
    })
})

t.test('EB02 EB04 refusals of CreateVolume that the driver acts on are outcomes, all others are errors', async (t) => {
  let answer: WireAnswer
  const { api } = await openWire(t, () => answer)
  for (const [code, kind] of [
    ['IdempotentParameterMismatch', 'token-used'],
    ['VolumeLimitExceeded', 'limit'],
    ['MaxIOPSLimitExceeded', 'limit'],
  ] as const) {
    answer = refused(code)
    t.match(await api.createVolume(request, never), { kind, reason: /said by EC2/ }, code)
  }
  answer = refused('InvalidKMSKey.Disabled')
  await t.rejects(api.createVolume(request, never), { code: 'invalid-argument', hint: /kmsKeyId/ })
  answer = refused('UnauthorizedOperation', 'You are not authorized', 403)
  await t.rejects(api.createVolume(request, never), { code: 'invalid-argument', hint: /ec2:CreateVolume.*iam-policy/ })
})

t.test(
  'EB11 EB20 EB27 refusals of AttachVolume that the driver acts on are outcomes, all others are errors',
  async (t) => {
    let answer = said('AttachVolume', `<volumeId>${id}</volumeId><status>attaching</status>`)
    const { api, requests } = await openWire(t, () => answer)
    t.same(await api.attachVolume(attachment, never), { kind: 'attaching' })
    t.same(requests[0]?.parameters, { VolumeId: id, InstanceId: instanceId, Device: '/dev/xvdba' })
    for (const [code, message, kind] of [
      [
        'InvalidParameterValue',
        'Invalid value /dev/xvdba for unixDevice. Attachment point /dev/xvdba is already in use',
        'name-taken',
      ],
      ['InvalidDevice.InUse', 'in use', 'name-taken'],
      ['VolumeInUse', `${id} is already attached to an instance`, 'in-use'],
      ['AttachmentLimitExceeded', 'more than 27', 'no-room'],
      ['IncorrectState', `${id} is not 'available'.`, 'not-ready'],
    ] as const) {
      answer = refused(code, message)
      t.match(await api.attachVolume(attachment, never), { kind }, message)
    }
    for (const [code, message, expected] of [
      ['IncorrectState', `Instance '${instanceId}' is not 'running'.`, 'unavailable'],
      ['InvalidParameterValue', 'Value (x) for parameter device is invalid', 'invalid-argument'],
      ['InvalidVolume.ZoneMismatch', 'not in the same zone', 'invalid-argument'],
      ['InvalidVolume.NotFound', 'not yet', 'not-found'],
    ] as const) {
      answer = refused(code, message)
      await t.rejects(api.attachVolume(attachment, never), { code: expected }, message)
    }
  },
)

t.test('EB18 a detachment is forced only when that is asked for', async (t) => {
  const { api, requests } = await openWire(t, () => said('DetachVolume', '<status>detaching</status>'))
  await api.detachVolume({ volumeId: id, instanceId, isForced: false }, never)
  await api.detachVolume({ volumeId: id, instanceId, isForced: true }, never)
  t.same(
    requests.map(({ parameters }) => parameters),
    [
      { VolumeId: id, InstanceId: instanceId },
      { VolumeId: id, InstanceId: instanceId, Force: 'true' },
    ],
  )
})

t.test('EB17 EB37 what is undone already is no error, and what cannot be undone is one', async (t) => {
  let answer: WireAnswer
  const { api } = await openWire(t, () => answer)
  const detach = () => api.detachVolume({ volumeId: id, instanceId, isForced: false }, never)
  for (const [code, message] of [
    ['IncorrectState', `Volume '${id}' is in the 'available' state.`],
    ['InvalidAttachment.NotFound', 'none'],
  ] as const) {
    answer = refused(code, message)
    await detach()
  }
  for (const code of ['OperationNotPermitted', 'InvalidVolume.NotFound', 'IncorrectState']) {
    answer = refused(code)
    await t.rejects(detach(), { message: new RegExp(code) })
  }
  answer = refused('InvalidVolume.NotFound')
  await api.deleteVolume(id, never)
  answer = refused('VolumeInUse')
  await t.rejects(api.deleteVolume(id, never), { code: 'in-use' })
})

t.test('volumes are found by their tags, word for word, on all pages', async (t) => {
  const tag = (value: string) => `<item><key>convoy:name</key><value>${value}</value></item>`
  const { api, requests } = await openWire(t, ({ parameters }) =>
    parameters['NextToken'] === undefined
      ? said(
          'DescribeVolumes',
          `<volumeSet><item>${volumeXml('vol-1', tag('d*'))}</item></volumeSet><nextToken>more</nextToken>`,
        )
      : said(
          'DescribeVolumes',
          `<volumeSet><item>${volumeXml('vol-2', tag('db'))}</item><item>${volumeXml('vol-3', tag('d*'))}</item></volumeSet>`,
        ),
  )
  const found = await api.findVolumes({ 'convoy:name': 'd*' }, never)
  t.same(
    found.map((one) => one.id),
    ['vol-1', 'vol-3'],
  )
  const filter = { 'Filter.1.Name': 'tag:convoy:name', 'Filter.1.Value.1': 'd\\*', MaxResults: '500' }
  t.same(
    requests.map(({ parameters }) => parameters),
    [filter, { ...filter, NextToken: 'more' }],
  )
})

t.test(
  'EB10 a volume that EC2 does not know spoils no other look-up; a look-up that fails is no absence',
  async (t) => {
    const { api } = await openWire(t, ({ parameters }) => {
      const ids = Object.entries(parameters).flatMap(([name, value]) => (name.startsWith('VolumeId') ? [value] : []))
      if (ids.includes('nonsense'))
        return refused('InvalidParameterValue', 'Value (nonsense) for parameter volumes is invalid.')
      if (ids.includes('vol-2')) return refused('InvalidVolume.NotFound', "The volume 'vol-2' does not exist.")
      if (ids.includes('vol-9')) return refused('InvalidParameterValue', 'something else')
      return said(
        'DescribeVolumes',
        `<volumeSet>${ids.map((one) => `<item>${volumeXml(one)}</item>`).join('')}</volumeSet>`,
      )
    })
    const found = await Promise.all([id, 'vol-2', 'nonsense', 'vol-4'].map((one) => api.findVolume(one, never)))
    t.same(
      found.map((one) => one?.id),
      [id, undefined, undefined, 'vol-4'],
    )
    t.same(found[0], volume)
    await t.rejects(api.findVolume('vol-9', never), { code: 'invalid-argument', message: /something else/ })
  },
)

t.test('EB06 EB27 an instance tells its devices, its network interfaces and its name', async (t) => {
  const { api } = await openWire(t, () =>
    said(
      'DescribeInstances',
      `<reservationSet><item><instancesSet><item><instanceId>${instanceId}</instanceId><instanceType>m5.large</instanceType>` +
        '<instanceState><code>80</code><name>stopped</name></instanceState>' +
        '<placement><availabilityZone>eu-west-1a</availabilityZone></placement>' +
        '<tagSet><item><key>Name</key><value>web</value></item></tagSet>' +
        '<networkInterfaceSet><item/><item/></networkInterfaceSet>' +
        `<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>${id}</volumeId><status>attached</status>` +
        '</ebs></item></blockDeviceMapping></item></instancesSet></item></reservationSet>',
    ),
  )
  t.same(await api.findInstance(instanceId, never), {
    id: instanceId,
    state: 'stopped',
    type: 'm5.large',
    zone: 'eu-west-1a',
    name: 'web',
    devices: [{ device: '/dev/xvda', volumeId: id, state: 'attached' }],
    networkInterfaces: 2,
  })
})

t.test('EB27 the limit of a type is asked for once; without an answer there is none, and no error', async (t) => {
  const limited =
    '<instanceTypeSet><item><instanceType>m5d.large</instanceType><ebsInfo><maximumEbsAttachments>28</maximumEbsAttachments>' +
    '<attachmentLimitType>shared</attachmentLimitType></ebsInfo><instanceStorageInfo><nvmeSupport>required</nvmeSupport>' +
    '<disks><item><count>2</count></item></disks></instanceStorageInfo></item></instanceTypeSet>'
  let answer = said('DescribeInstanceTypes', limited)
  const { api, requests } = await openWire(t, () => answer)
  const limit = { most: 28, isShared: true, instanceDisks: 2 }
  t.same(await api.attachmentLimit('m5d.large', never), limit)
  answer = refused('UnauthorizedOperation', 'no', 403)
  t.same(await api.attachmentLimit('m5d.large', never), limit)
  t.equal(requests.length, 1)
  for (let call = 0; call < 2; call++) t.equal(await api.attachmentLimit('x9.huge', never), undefined)
  t.equal(requests.length, 2, 'who refuses is not asked again')
  answer = refused('InternalError', 'later', 500)
  t.equal(await api.attachmentLimit('y1.huge', never), undefined)
  answer = said('DescribeInstanceTypes', limited.replace('m5d.large', 'y1.huge'))
  t.same(await api.attachmentLimit('y1.huge', never), limit, 'who did not answer is')
})

t.test('tags are put on and taken off by name; without a name nothing is taken off', async (t) => {
  const { api, requests } = await openWire(t, ({ action }) => said(action))
  await api.tagVolume(id, { 'convoy:state': 'trashed' }, never)
  await api.untagVolume(id, ['convoy:state'], never)
  await api.untagVolume(id, [], never)
  t.same(
    requests.map(({ action, parameters }) => ({ action, ...parameters })),
    [
      { action: 'CreateTags', 'ResourceId.1': id, 'Tag.1.Key': 'convoy:state', 'Tag.1.Value': 'trashed' },
      { action: 'DeleteTags', 'ResourceId.1': id, 'Tag.1.Key': 'convoy:state' },
    ],
  )
})

t.test(
  'EB01 an answer that is no answer of EC2 is a failure, and after a server error the request is made again',
  async (t) => {
    const answers: WireAnswer[] = [
      { status: 500, body: '<html>oops</html>' },
      { status: 502, body: '' },
      said('DeleteVolume'),
    ]
    const { api, requests } = await openWire(t, () => answers.shift() ?? { body: 'not even XML <' })
    await api.deleteVolume(id, never)
    t.equal(requests.length, 3)
    await t.rejects(api.findVolume(id, never), { code: 'unavailable', message: /DescribeVolumes/ })
  },
)

t.test('EB09 a call ends with its signal, also while EC2 is silent', async (t) => {
  const silent = createServer(() => undefined).listen(0, '127.0.0.1')
  await new Promise((resolve) => silent.once('listening', resolve))
  t.teardown(() => {
    silent.closeAllConnections()
    silent.close()
  })
  const { AwsEc2Api } = await import('../../../src/drivers/ebs/aws-ec2-api.js')
  const endpoint = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`
  const api = new AwsEc2Api({ region: () => Promise.resolve('eu-west-1'), endpoint })
  t.teardown(() => api.close())
  const end = new AbortController()
  silent.once('request', () => end.abort())
  await t.rejects(api.deleteVolume(id, end.signal), { code: 'deadline-exceeded', message: /DeleteVolume/ })
})

t.test(
  'EB29 credentials that have expired are fetched again and the call is made once more; no secret is told',
  async (t) => {
    let given = 0
    const credentials = createServer((_, response) => {
      given++
      const expiration = new Date(Date.now() + 3_600_000).toISOString()
      const one = {
        AccessKeyId: `KEY${given}`,
        SecretAccessKey: `secret-${given}`,
        Token: `token-${given}`,
        Expiration: expiration,
      }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(one))
    }).listen(0, '127.0.0.1')
    await new Promise((resolve) => credentials.once('listening', resolve))
    const { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret } = process.env
    delete process.env['AWS_ACCESS_KEY_ID']
    delete process.env['AWS_SECRET_ACCESS_KEY']
    process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI'] =
      `http://127.0.0.1:${(credentials.address() as AddressInfo).port}/`
    t.teardown(() => {
      credentials.closeAllConnections()
      credentials.close()
      delete process.env['AWS_CONTAINER_CREDENTIALS_FULL_URI']
      Object.assign(process.env, { AWS_ACCESS_KEY_ID: key, AWS_SECRET_ACCESS_KEY: secret })
    })
    let taken: string | undefined = 'token-2'
    const { api, requests } = await openWire(t, ({ action, headers }) =>
      headers['x-amz-security-token'] === taken ? said(action) : refused('RequestExpired', 'Request has expired.'),
    )
    await Promise.all([api.deleteVolume(id, never), api.tagVolume(id, { a: 'b' }, never)])
    t.equal(given, 2, 'once for both')
    taken = undefined
    requests.length = 0
    const error = await api.deleteVolume(id, never).catch((thrown: unknown) => thrown)
    t.match(error, { code: 'invalid-argument', hint: /expired/ })
    t.equal(requests.length, 2)
    t.notMatch(JSON.stringify([String(error), (error as Error).stack, error]), /secret-|token-\d/)
  },
)
