import type { Finding } from './finding.js'
import type { Site } from './site.js'

/** Something that must answer before a check makes sense; that it does not is another check's finding. */
export type Need = 'daemon' | 'docker'

export interface Check {
  readonly name: string
  /** What is right when nothing is found. */
  readonly sound: string
  readonly needs: readonly Need[]
  /** What it throws becomes a finding. */
  readonly look: (site: Site) => Promise<readonly Finding[]>
}
