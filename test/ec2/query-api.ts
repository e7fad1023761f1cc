import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CallLog } from './call-log.js'
import type { Cloud } from './cloud.js'
import { Ec2Failure } from './ec2-failure.js'
import { isAction, type Action, type FaultSubject } from './faults.js'
import type { IamPolicy } from './iam-policy.js'
import { describeInstances, describeInstanceTypes } from './instance-actions.js'
import { checkPermissions, permissionsOf, unauthorized } from './permissions.js'
import { QueryParameters } from './query-parameters.js'
import * as volumes from './volume-actions.js'
import { xmlAnswer, xmlFailure } from './xml.js'

interface KnownAction {
  readonly parameters: readonly string[]
  readonly act: (cloud: Cloud, query: QueryParameters) => volumes.Answer
}

const page = ['Filter.N.Name', 'Filter.N.Value.N', 'MaxResults', 'NextToken']
const placement = ['AvailabilityZone', 'Size', 'SnapshotId', 'VolumeType', 'Iops', 'Throughput']
const protection = ['Encrypted', 'KmsKeyId', 'MultiAttachEnabled', 'ClientToken']
const tagging = ['ResourceType', 'Tag.N.Key', 'Tag.N.Value'].map((name) => `TagSpecification.N.${name}`)
const tags = ['ResourceId.N', 'Tag.N.Key', 'Tag.N.Value']
const attachment = ['VolumeId', 'InstanceId', 'Device']

const known: Readonly<Record<Action, KnownAction>> = {
  CreateVolume: { parameters: [...placement, ...protection, ...tagging], act: volumes.createVolume },
  DescribeVolumes: { parameters: ['VolumeId.N', ...page], act: volumes.describeVolumes },
  AttachVolume: { parameters: attachment, act: volumes.attachVolume },
  DetachVolume: { parameters: [...attachment, 'Force'], act: volumes.detachVolume },
  DeleteVolume: { parameters: ['VolumeId'], act: volumes.deleteVolume },
  CreateTags: { parameters: tags, act: volumes.createTags },
  DeleteTags: { parameters: tags, act: volumes.deleteTags },
  DescribeInstances: { parameters: ['InstanceId.N', ...page], act: describeInstances },
  DescribeInstanceTypes: { parameters: ['InstanceType.N', ...page], act: describeInstanceTypes },
}

export interface QueryApiDeps {
  readonly cloud: Cloud
  readonly calls: CallLog
  /** None: everything is allowed. */
  readonly findPolicy: () => IamPolicy | undefined
  /** The emulator itself failed, which is no answer of EC2. */
  readonly onBroken: (error: unknown) => void
}

/** Not an answer, but the end of the connection, or nothing at all. */
type Reply = { readonly status: number; readonly code: string; readonly body: string } | 'cut' | 'silence'

/** EC2 as programs see it: forms in, XML out. */
export class QueryApi {
  readonly #deps: QueryApiDeps

  constructor(deps: QueryApiDeps) {
    this.#deps = deps
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const query = QueryParameters.parse(await text(request))
    const { authorization } = request.headers
    const accessKeyId = /Credential=([^/]+)\//.exec(authorization ?? '')?.[1]
    const reply = await this.#reply(query, authorization, accessKeyId)
    const code = typeof reply === 'string' ? reply : reply.code
    const { cloud, calls } = this.#deps
    const action = query.find('Action') ?? ''
    calls.all.push({ action, parameters: query.all(), accessKeyId, at: cloud.clock.now(), code })
    if (reply === 'cut') request.socket.destroy()
    else if (reply !== 'silence')
      response.writeHead(reply.status, { 'content-type': 'text/xml;charset=UTF-8' }).end(reply.body)
  }

  async #reply(query: QueryParameters, authorization: string | undefined, accessKeyId: string | undefined) {
    const requestId = randomUUID()
    try {
      const action = this.#checkedAction(query, authorization)
      return await this.#carryOut(action, query, accessKeyId, requestId)
    } catch (thrown) {
      if (!(thrown instanceof Ec2Failure)) this.#deps.onBroken(thrown)
      const failure = thrown instanceof Ec2Failure ? thrown : new Ec2Failure('EmulatorBroken', String(thrown), 500)
      const { status, code, message } = failure
      return { status, code, body: xmlFailure(requestId, code, message) }
    }
  }

  #checkedAction(query: QueryParameters, authorization: string | undefined): Action {
    if (authorization === undefined)
      throw new Ec2Failure('MissingAuthenticationToken', 'Request is missing Authentication Token', 403)
    const scope = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d{8}\/([^/]+)\/ec2\/aws4_request, ?SignedHeaders=/.exec(
      authorization,
    )
    if (scope === null)
      throw new Ec2Failure('IncompleteSignature', 'The request signature does not conform to AWS standards')
    if (scope[1] !== this.#deps.cloud.region)
      throw new Ec2Failure('AuthFailure', 'Credential should be scoped to a valid region.', 401)
    const name = query.find('Action')
    if (name === undefined) throw new Ec2Failure('MissingAction', 'The request must contain the parameter Action')
    const version = query.find('Version')
    if (version !== '2016-11-15' || !isAction(name))
      throw new Ec2Failure('InvalidAction', `The action ${name} is not valid for version ${version ?? ''}.`)
    query.checkNames(known[name].parameters)
    return name
  }

  async #carryOut(
    action: Action,
    query: QueryParameters,
    accessKeyId: string | undefined,
    requestId: string,
  ): Promise<Reply> {
    const { cloud } = this.#deps
    const subject = this.#subjectOf(action, query, accessKeyId)
    const delay = cloud.faults.take('delay', subject)
    if (delay !== undefined) await sleep(delay.ms, undefined, { ref: false })
    if (cloud.faults.isThrottled(action)) throw new Ec2Failure('RequestLimitExceeded', 'Request limit exceeded.', 503)
    const lostBefore = this.#spoil('before', subject)
    if (lostBefore !== undefined) return lostBefore
    this.#checkPolicy(action, query)
    if (query.findBoolean('DryRun') === true)
      throw new Ec2Failure('DryRunOperation', 'Request would have succeeded, but DryRun flag is set.', 412)
    const body = xmlAnswer(action, requestId, known[action].act(cloud, query))
    return this.#spoil('after', subject) ?? { status: 200, code: 'ok', body }
  }

  /** What the script has for this call at that point; throws Ec2Failure where that is an answer. */
  #spoil(point: 'before' | 'after', subject: FaultSubject): 'cut' | 'silence' | undefined {
    const { faults } = this.#deps.cloud
    const answer = faults.take('answer', subject, ({ when = 'before' }) => when === point)
    if (answer !== undefined) {
      const { code, message, status = 400 } = answer
      if (code === 'UnauthorizedOperation' && message === undefined)
        throw unauthorized({ action: `ec2:${subject.action}`, resource: '*' })
      throw new Ec2Failure(code, message ?? `${code} by the script of the test`, status)
    }
    if (faults.take('cut', subject, ({ when }) => when === point) !== undefined) return 'cut'
    return faults.take('silence', subject, ({ when }) => when === point) === undefined ? undefined : 'silence'
  }

  #checkPolicy(action: Action, query: QueryParameters): void {
    const policy = this.#deps.findPolicy()
    if (policy !== undefined) checkPermissions(policy, permissionsOf(this.#deps.cloud, action, query))
  }

  #subjectOf(action: Action, query: QueryParameters, accessKeyId: string | undefined): FaultSubject {
    const volumeId = query.find('VolumeId') ?? query.list('ResourceId')[0]
    const [attachment] = volumeId === undefined ? [] : (this.#deps.cloud.findVolume(volumeId)?.attachments ?? [])
    const instanceId = query.find('InstanceId') ?? attachment?.instanceId
    return { action, accessKeyId, volumeId, instanceId, device: query.find('Device') ?? attachment?.device }
  }
}
