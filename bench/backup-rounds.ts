import { ExecaError } from 'execa'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Change, DataSet } from './backup-data.js'
import type { Cost, Stopwatch } from './backup-step.js'
import type { RestoreTargets } from './backup-target.js'
import { type BackupTool, commandOf, environmentOf, type ToolVariables } from './backup-tools.js'
import { describeTree, findDifference, sizeOfTree } from './backup-tree.js'
import { PseudoRandom } from '../test/repository/pseudo-random.js'
import { entry } from './statistics.js'

export type Phase = 'first' | 'unchanged' | Change['name'] | 'restore'

/** What one command of one round took, and what the repository held afterwards. */
export interface Step extends Cost {
  readonly round: number
  readonly phase: Phase
  readonly tool: string
  readonly storedBytes: number
}

/** What came of the rounds over one set. */
export interface RoundsResult {
  readonly set: DataSet
  readonly steps: readonly Step[]
  /** What all files of the set held at the first backup of each round. */
  readonly sourceBytes: readonly number[]
  /** Change → how many bytes were new, in each round. */
  readonly changedBytes: ReadonlyMap<string, readonly number[]>
  /** Tool → why it was left out from there on. */
  readonly failures: ReadonlyMap<string, string>
}

export interface RoundsPlan {
  /** Fresh. */
  readonly directory: string
  readonly scale: number
  readonly rounds: number
  readonly tools: readonly BackupTool[]
  readonly stopwatch: Stopwatch
  readonly targets: RestoreTargets
  /** What a repository holds; by default the files of its directory. */
  readonly sizeOf?: (repository: string) => number
  onStep?(step: Step): void
  /** Told what goes on, for people who wait. */
  say(text: string): void
}

interface Destination {
  readonly writesTo: readonly string[]
  readonly target?: string
}

/** Rounds of first backup, unchanged backup, backups of changed data, and restore: each tool does the same, one after the other. */
export class BackupRounds implements RoundsResult {
  readonly set: DataSet
  readonly steps: Step[] = []
  readonly sourceBytes: number[] = []
  readonly changedBytes = new Map<string, number[]>()
  readonly failures = new Map<string, string>()
  readonly #plan: RoundsPlan
  readonly #source: string
  #generation = 0

  constructor(set: DataSet, plan: RoundsPlan) {
    this.set = set
    this.#plan = plan
    this.#source = join(plan.directory, 'source')
  }

  async run(): Promise<RoundsResult> {
    const { scale, rounds } = this.#plan
    await mkdir(this.#source, { recursive: true })
    this.set.make(this.#source, scale, new PseudoRandom(this.set.name))
    for (let round = 1; round <= rounds; round++) await this.#runRound(round)
    return this
  }

  async #runRound(round: number): Promise<void> {
    this.sourceBytes.push(sizeOfTree(this.#source))
    this.#generation = 0
    await this.#eachTool(round, (tool) => this.#init(tool))
    await this.#backUp(round, 'first')
    await this.#backUp(round, 'unchanged')
    for (const change of this.set.changes) {
      const random = new PseudoRandom(`${this.set.name} ${change.name} ${round}`)
      const bytes = change.apply(this.#source, this.#plan.scale, random)
      entry(this.changedBytes, change.name, () => []).push(bytes)
      await this.#backUp(round, change.name)
    }
    await this.#restore(round)
    await this.#eachTool(round, (tool) => this.#removeAll(tool))
  }

  async #backUp(round: number, phase: Phase): Promise<void> {
    this.#generation++
    await this.#eachTool(round, async (tool) => {
      const { repository, state } = this.#variables(tool)
      const cost = await this.#measure(tool, tool.backup, { writesTo: [repository, state] })
      this.#add({ ...cost, round, phase, tool: tool.name, storedBytes: this.#sizeOf(repository) })
    })
  }

  async #restore(round: number): Promise<void> {
    const wanted = describeTree(this.#source)
    await this.#eachTool(round, (tool) =>
      this.#plan.targets.use(async (target) => {
        const cost = await this.#measure(tool, tool.restore, { writesTo: [target], target })
        const difference = findDifference(wanted, describeTree(target))
        if (difference !== undefined) throw new Error(`what was restored differs, first in ${difference}`)
        this.#add({ ...cost, round, phase: 'restore', tool: tool.name, storedBytes: 0 })
      }),
    )
  }

  #sizeOf(repository: string): number {
    return (this.#plan.sizeOf ?? sizeOfTree)(repository)
  }

  #add(step: Step): void {
    this.steps.push(step)
    this.#plan.onStep?.(step)
    this.#plan.say(`${this.set.name} ${step.round} ${step.phase} ${step.tool}: ${(step.durableMs / 1000).toFixed(2)} s`)
  }

  /** Who begins changes with every round. One that fails is left out from there on, and costs the others nothing. */
  async #eachTool(round: number, act: (tool: BackupTool) => Promise<void>): Promise<void> {
    const { tools } = this.#plan
    for (const tool of round % 2 === 1 ? tools : tools.toReversed()) {
      if (this.failures.has(tool.name)) continue
      await act(tool).catch((error: unknown) => {
        const reason = reasonOf(error)
        this.#plan.say(`${this.set.name} ${round} ${tool.name}: ${reason}`)
        this.failures.set(tool.name, reason)
      })
    }
  }

  async #init(tool: BackupTool): Promise<void> {
    const { repository, state } = this.#variables(tool)
    await Promise.all([repository, state].map((directory) => mkdir(directory, { recursive: true })))
    await this.#measure(tool, tool.init, { writesTo: [repository] })
  }

  async #removeAll(tool: BackupTool): Promise<void> {
    const { repository, state } = this.#variables(tool)
    await Promise.all([repository, state].map((directory) => rm(directory, { recursive: true })))
  }

  #measure(tool: BackupTool, script: string, { writesTo, target = '' }: Destination): Promise<Cost> {
    const environment = environmentOf(tool, { ...this.#variables(tool), target })
    return this.#plan.stopwatch.measure({ words: commandOf(tool, script), environment, writesTo })
  }

  #variables(tool: BackupTool): Omit<ToolVariables, 'target'> {
    const own = join(this.#plan.directory, tool.name.replaceAll(/\W/g, '-'))
    const [repository, state] = [join(own, 'repository'), join(own, 'state')]
    return { source: this.#source, repository, state, generation: String(this.#generation) }
  }
}

/** A failed program says in its first line why. */
function reasonOf(error: unknown): string {
  const said = error instanceof ExecaError ? String(error.stderr).trim() || error.shortMessage : String(error)
  return said.split('\n')[0] ?? ''
}
