import type { CloudClock } from './cloud-clock.js'
import { Ec2Failure } from './ec2-failure.js'
import type { CreateVolumeRequest } from './records.js'

interface Use {
  readonly volumeId: string
  readonly request: string
  readonly isBurned: boolean
  readonly at: number
}

/** EC2 says: at least a day. */
const rememberedMs = 24 * 3_600_000

/** Which request each client token came with, and what was made of it. */
export class ClientTokens {
  readonly #clock: CloudClock
  readonly #uses = new Map<string, Use>()

  constructor(clock: CloudClock) {
    this.#clock = clock
  }

  /** The volume that this very request made before. */
  findVolume(token: string, request: CreateVolumeRequest): string | undefined {
    const use = this.#uses.get(token)
    if (use === undefined || use.at + rememberedMs <= this.#clock.now()) return undefined
    if (use.isBurned || use.request !== textOf(request)) throw mismatch(token)
    return use.volumeId
  }

  remember(token: string, request: CreateVolumeRequest, volumeId: string): void {
    this.#uses.set(token, { volumeId, request: textOf(request), isBurned: false, at: this.#clock.now() })
  }

  /** No request can use it any more. */
  burn(token: string): Ec2Failure {
    this.#uses.set(token, { volumeId: '', request: '', isBurned: true, at: this.#clock.now() })
    return mismatch(token)
  }

  burnOf(volumeId: string): void {
    for (const [token, use] of this.#uses) if (use.volumeId === volumeId) this.burn(token)
  }

  forget(): void {
    this.#uses.clear()
  }
}

const mismatch = (token: string) =>
  new Ec2Failure('IdempotentParameterMismatch', `The client token '${token}' was used with other parameters.`)

function textOf({ tags = {}, ...rest }: CreateVolumeRequest): string {
  const sorted = (record: object) => Object.entries(record).sort(([one], [other]) => (one < other ? -1 : 1))
  return JSON.stringify([sorted(rest), sorted(tags)])
}
