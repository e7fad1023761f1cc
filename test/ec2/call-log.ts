/** One request, and what came of it. */
export interface Call {
  readonly action: string
  readonly parameters: Readonly<Record<string, string>>
  readonly accessKeyId: string | undefined
  /** Milliseconds since 1970, by the clock of the cloud. */
  readonly at: number
  /** `ok`, what EC2 answers as its code, or `cut` and `silence` where it does not answer. */
  readonly code: string
}

/** Every request, in the order of the answers. */
export class CallLog {
  readonly all: Call[] = []

  of(action: string): readonly Call[] {
    return this.all.filter((call) => call.action === action)
  }

  count(action?: string): number {
    return action === undefined ? this.all.length : this.of(action).length
  }

  /** The codes of the answers to one action. */
  codes(action: string): readonly string[] {
    return this.of(action).map(({ code }) => code)
  }

  clear(): void {
    this.all.length = 0
  }
}
