import type { AccessPointDescription, EFSClient, Tag } from '@aws-sdk/client-efs'
import { within } from '../../host/clock.js'
import { isConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { AccessPoint, AccessPointRequest, EfsApi, MountTarget } from './efs-api.js'
import { efsError } from './efs-errors.js'
import type * as EfsSdk from './efs-sdk.js'

export interface AwsEfsSettings {
  /** Where the environment does not say: ConvoyError `unavailable` where that is not known either. */
  readonly region: () => Promise<string>
  /** Of an emulator, or a private one. */
  readonly endpoint?: string
  /** For each of a few attempts. */
  readonly requestTimeoutMs?: number
}

interface Opened {
  readonly sdk: typeof EfsSdk
  readonly client: EFSClient
}

type Action = 'CreateAccessPoint' | 'DeleteAccessPoint' | 'DescribeAccessPoints' | 'DescribeMountTargets'

/** Docker waits; what does not answer within this may answer the next call. */
const callTimeoutMs = 20_000
const usualRequestTimeoutMs = 6000
const mostAttempts = 3

/** The API itself, with the credentials that the SDK finds. It is loaded at the first call. */
export class AwsEfsApi implements EfsApi {
  readonly #settings: AwsEfsSettings
  #opening: Promise<Opened> | undefined

  constructor(settings: AwsEfsSettings) {
    this.#settings = settings
  }

  mountTargets(fileSystem: string): Promise<readonly MountTarget[]> {
    return this.#call('DescribeMountTargets', async ({ sdk, client }) => {
      const command = new sdk.DescribeMountTargetsCommand({ FileSystemId: fileSystem, MaxItems: 100 })
      const { MountTargets = [] } = await client.send(command)
      return MountTargets.flatMap(({ IpAddress: address, AvailabilityZoneName: zone, LifeCycleState: state }) =>
        address === undefined ? [] : [{ address, zone, isAvailable: state === 'available' }],
      )
    })
  }

  createAccessPoint(request: AccessPointRequest): Promise<AccessPoint> {
    const { fileSystem, token, directory, user, tags } = request
    return this.#call('CreateAccessPoint', async ({ sdk, client }) => {
      const command = new sdk.CreateAccessPointCommand({
        ClientToken: token,
        FileSystemId: fileSystem,
        ...optional('PosixUser', user && { Uid: user.uid, Gid: user.gid }),
        RootDirectory: {
          Path: directory.path,
          CreationInfo: { OwnerUid: directory.uid, OwnerGid: directory.gid, Permissions: directory.mode },
        },
        Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
      })
      try {
        return accessPointOf(await client.send(command))
      } catch (thrown) {
        const earlier = idOfEarlier(thrown)
        if (earlier === undefined) throw thrown
        return { id: earlier, state: 'creating', tags }
      }
    })
  }

  async findAccessPoint(id: string): Promise<AccessPoint | undefined> {
    try {
      const [found] = await this.#describe({ AccessPointId: id })
      return found
    } catch (thrown) {
      if (isConvoyError(thrown, 'not-found')) return undefined
      throw thrown
    }
  }

  accessPointsOf(fileSystem: string): Promise<readonly AccessPoint[]> {
    return this.#describe({ FileSystemId: fileSystem })
  }

  async deleteAccessPoint(id: string): Promise<void> {
    try {
      await this.#call('DeleteAccessPoint', ({ sdk, client }) =>
        client.send(new sdk.DeleteAccessPointCommand({ AccessPointId: id })),
      )
    } catch (thrown) {
      if (!isConvoyError(thrown, 'not-found')) throw thrown
    }
  }

  #describe(which: { AccessPointId: string } | { FileSystemId: string }): Promise<readonly AccessPoint[]> {
    return this.#call('DescribeAccessPoints', async ({ sdk, client }) => {
      const found: AccessPoint[] = []
      let page: { NextToken?: string } = {}
      do {
        const answer = await client.send(new sdk.DescribeAccessPointsCommand({ ...which, ...page }))
        found.push(...(answer.AccessPoints ?? []).map(accessPointOf))
        page = optional('NextToken', answer.NextToken)
      } while (page.NextToken !== undefined)
      return found
    })
  }

  async #call<T>(action: Action, ask: (opened: Opened) => Promise<T>): Promise<T> {
    try {
      this.#opening ??= this.#open()
      const opened = await this.#opening
      return await within(callTimeoutMs, ask(opened))
    } catch (thrown) {
      throw efsError(action, thrown)
    }
  }

  async #open(): Promise<Opened> {
    try {
      const { region, endpoint, requestTimeoutMs: requestTimeout = usualRequestTimeoutMs } = this.#settings
      const sdk = await import('./efs-sdk.js')
      const requestHandler = { connectionTimeout: 2000, requestTimeout, throwOnRequestTimeout: true }
      const settings = { region: await region(), maxAttempts: mostAttempts, requestHandler }
      return { sdk, client: new sdk.EFSClient({ ...settings, ...optional('endpoint', endpoint) }) }
    } catch (thrown) {
      this.#opening = undefined
      throw thrown
    }
  }
}

function accessPointOf({ AccessPointId, LifeCycleState, Tags = [] }: AccessPointDescription): AccessPoint {
  const tags = Object.fromEntries(Tags.map(({ Key = '', Value = '' }: Tag) => [Key, Value] as const))
  // The answer always has the id, whatever its type says.
  return { id: AccessPointId ?? '', state: LifeCycleState ?? '', tags }
}

/** An earlier call made it, and its answer was lost. */
function idOfEarlier(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || thrown.name !== 'AccessPointAlreadyExists' || !('AccessPointId' in thrown))
    return undefined
  return typeof thrown.AccessPointId === 'string' ? thrown.AccessPointId : undefined
}
