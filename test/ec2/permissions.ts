import type { Cloud } from './cloud.js'
import { Ec2Failure } from './ec2-failure.js'
import type { Action } from './faults.js'
import type { IamPolicy, Permission } from './iam-policy.js'
import { ownerId } from './instance-actions.js'
import type { QueryParameters } from './query-parameters.js'
import type { Tags } from './records.js'
import { specifiedTags } from './volume-actions.js'

type Context = Readonly<Record<string, readonly string[] | undefined>>

/** Everything that a call needs. What is not there needs nothing: EC2 says so before it looks at the policy. */
export function permissionsOf(cloud: Cloud, action: Action, query: QueryParameters): readonly Permission[] {
  switch (action) {
    case 'DescribeVolumes':
    case 'DescribeInstances':
    case 'DescribeInstanceTypes':
      return [permission(action, '*', { 'ec2:Region': [cloud.region] })]
    case 'CreateVolume':
      return creationPermissions(cloud, query)
    case 'CreateTags':
    case 'DeleteTags':
      return query.list('ResourceId').flatMap((id) => resourcePermission(cloud, action, id, requestTags(query.tags())))
    case 'DeleteVolume':
      return resourcePermission(cloud, action, query.find('VolumeId'))
    case 'AttachVolume':
    case 'DetachVolume': {
      const volumeId = query.find('VolumeId')
      const instanceId = query.find('InstanceId') ?? holderOf(cloud, volumeId)
      return [...resourcePermission(cloud, action, volumeId), ...resourcePermission(cloud, action, instanceId)]
    }
  }
}

/** Throws the Ec2Failure of a call that the policy does not allow. */
export function checkPermissions(policy: IamPolicy, permissions: readonly Permission[]): void {
  for (const permission of permissions) {
    const decision = policy.decide(permission)
    if (decision !== 'allowed') throw unauthorized(permission, decision)
  }
}

/** In the words of EC2, of which the last are only for who may decode them. */
export function unauthorized({ action, resource }: Omit<Permission, 'context'>, decision = 'not-allowed'): Ec2Failure {
  const role = `arn:aws:sts::${ownerId}:assumed-role/convoy/i-0123456789abcdef0`
  const on = resource === '*' ? '' : ` on resource: ${resource}`
  const why =
    decision === 'denied'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`
  const encoded = Buffer.from(`${action} ${resource} ${decision}`.repeat(4)).toString('base64url')
  return new Ec2Failure(
    'UnauthorizedOperation',
    `You are not authorized to perform this operation. User: ${role} is not authorized to perform: ${action}${on} ` +
      `${why}. Encoded authorization failure message: ${encoded}`,
    403,
  )
}

function creationPermissions(cloud: Cloud, query: QueryParameters): readonly Permission[] {
  const tags = specifiedTags(query)
  const zone = query.find('AvailabilityZone')
  const snapshotId = query.find('SnapshotId')
  const context: Context = {
    'ec2:VolumeType': [query.find('VolumeType') ?? 'gp2'],
    'ec2:AvailabilityZone': zone === undefined ? undefined : [zone],
    'ec2:Encrypted': [query.find('Encrypted') ?? 'false'],
    ...requestTags(tags ?? {}),
  }
  const volume = arnOf(cloud, 'volume', '*')
  const tagging = { ...requestTags(tags ?? {}), 'ec2:CreateAction': ['CreateVolume'] }
  return [
    permission('CreateVolume', volume, context),
    ...(snapshotId === undefined
      ? []
      : [permission('CreateVolume', `arn:aws:ec2:${cloud.region}::snapshot/${snapshotId}`, {})]),
    ...(tags === undefined ? [] : [permission('CreateTags', volume, tagging)]),
  ]
}

function resourcePermission(
  cloud: Cloud,
  action: Action,
  id: string | undefined,
  context: Context = {},
): readonly Permission[] {
  if (id === undefined) return []
  const kind = id.startsWith('i-') ? 'instance' : 'volume'
  const found = kind === 'instance' ? cloud.findInstance(id) : cloud.findVolume(id)
  if (found === undefined) return []
  return [permission(action, arnOf(cloud, kind, id), { ...context, ...resourceTags(found.tags) })]
}

function holderOf(cloud: Cloud, volumeId: string | undefined): string | undefined {
  return volumeId === undefined ? undefined : cloud.findVolume(volumeId)?.attachments[0]?.instanceId
}

const arnOf = (cloud: Cloud, kind: string, id: string) => `arn:aws:ec2:${cloud.region}:${ownerId}:${kind}/${id}`

function permission(action: string, resource: string, context: Context): Permission {
  const known = Object.entries(context).flatMap(([key, values]) =>
    values === undefined ? [] : [[key, values] as const],
  )
  return { action: `ec2:${action}`, resource, context: new Map(known) }
}

/** A key of a request without tags is not there, which `Null` can ask. */
function requestTags(tags: Readonly<Record<string, string | undefined>>): Context {
  const keys = Object.keys(tags)
  const values = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, [value ?? '']] as const)
  return keys.length === 0 ? {} : { ...Object.fromEntries(values), 'aws:TagKeys': keys }
}

function resourceTags(tags: Tags): Context {
  const each = Object.entries(tags).flatMap(([key, value]) => [
    [`aws:ResourceTag/${key}`, [value]] as const,
    [`ec2:ResourceTag/${key}`, [value]] as const,
  ])
  return Object.fromEntries(each)
}
