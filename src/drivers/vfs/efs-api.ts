/** Where a file system is reached in one zone. */
export interface MountTarget {
  readonly address: string
  /** `eu-west-1a` */
  readonly zone: string | undefined
  readonly isAvailable: boolean
}

export interface AccessPoint {
  readonly id: string
  /** As AWS calls it; `available` when it can be mounted. */
  readonly state: string
  readonly tags: Readonly<Record<string, string>>
}

export interface AccessPointRequest {
  readonly fileSystem: string
  /** The same token makes no second access point. */
  readonly token: string
  /** The directory that it shows, made with this owner and octal mode at the first mount. */
  readonly directory: { readonly path: string; readonly uid: number; readonly gid: number; readonly mode: string }
  /** Whoever writes by way of it is that user. */
  readonly user: { readonly uid: number; readonly gid: number } | undefined
  readonly tags: Readonly<Record<string, string>>
}

/** What we ask of the EFS of AWS. Every call ends: with an answer, or with a ConvoyError that names what is missing. */
export interface EfsApi {
  /** `not-found` when there is no such file system in the region. */
  mountTargets(fileSystem: string): Promise<readonly MountTarget[]>
  /** The one made earlier with the same token is the same one. */
  createAccessPoint(request: AccessPointRequest): Promise<AccessPoint>
  /** Undefined when there is none with that id. */
  findAccessPoint(id: string): Promise<AccessPoint | undefined>
  accessPointsOf(fileSystem: string): Promise<readonly AccessPoint[]>
  /** One that is gone already is no error. */
  deleteAccessPoint(id: string): Promise<void>
}
