import { parseDestination } from '../model/backup-url.js'
import type { CallContext } from '../model/call-context.js'
import type { OnProgress } from '../repository/progress.js'
import { repair, type RepairReport, type RepairRequest } from '../repository/upkeep/repair.js'
import type { Repository } from '../repository/repository.js'
import { verify } from '../repository/verify/verify.js'
import type { VerifyReport } from '../repository/verify/verify-report.js'
import { isAgreed, leaveAll } from './agreement.js'
import { describeAffected } from './backup-verification.js'
import { count } from './count.js'
import { type Reach, withRepository } from './repository-access.js'
import type { RepairFlags } from './repository-commands.js'
import { workDeps } from './repository-deps.js'
import { printResult, shortCall, work } from './repository-work.js'
import type { Session } from './session.js'
import { oneLine } from './terminal.js'

/** `repository repair`: shows what is wrong, mends it when that is wanted, and says which backups stay damaged. */
export async function repairDestination(text: string, flags: RepairFlags, reach: Reach): Promise<void> {
  const { session } = reach
  await withRepository(parseDestination(text), reach, shortCall(session), async (repository) => {
    const mending = new Mending(repository, flags, session)
    const plan = await mending.repair('report', 'looking for damage')
    const faults = describePlan(plan, flags)
    mending.say(faults.length === 0 ? ['nothing is there to be mended'] : faults)
    const isDone = faults.length > 0 && flags.dryRun !== true && (await mending.isWanted())
    const report = isDone ? await mending.repair('mend', 'mending') : plan
    const left = await mending.verify()
    if (flags.json === true) printResult(session, { isDone, ...report, affected: left.affected })
    else mending.say(left.affected.flatMap(describeAffected))
    if (left.affected.length > 0) session.finish(1)
  })
}

class Mending {
  readonly #repository: Repository
  readonly #flags: RepairFlags
  readonly #session: Session

  constructor(repository: Repository, flags: RepairFlags, session: Session) {
    this.#repository = repository
    this.#flags = flags
    this.#session = session
  }

  repair(action: RepairRequest['action'], label: string): Promise<RepairReport> {
    const request = { action, setAside: this.#flags.setAside === true }
    return this.#work(label, (onProgress, call) =>
      repair(this.#repository, request, workDeps(this.#session, onProgress), call),
    )
  }

  /** What is left, without reading data again. */
  verify(): Promise<VerifyReport> {
    return this.#work('looking at the backups', (onProgress, call) =>
      verify(this.#repository, { readData: 'none', marks: false }, workDeps(this.#session, onProgress), call),
    )
  }

  async isWanted(): Promise<boolean> {
    const text = `Change the repository at ${this.#repository.store.url} so`
    const question = { text, why: 'this changes a repository', isAnswered: this.#flags.yes === true }
    if (await isAgreed(question, this.#session)) return true
    leaveAll(this.#session, 'nothing was changed')
    return false
  }

  /** To programs nothing but the result is told. */
  say(lines: readonly string[]): void {
    if (this.#flags.json !== true) this.#session.terminal.out(lines.map((line) => `${line}\n`).join(''))
  }

  #work<Result>(label: string, run: (onProgress: OnProgress, call: CallContext) => Promise<Result>): Promise<Result> {
    return work({ label, run }, this.#flags.json === true, this.#session)
  }
}

/** A line for each thing that a repair does. */
function describePlan(report: RepairReport, { setAside: isSetAside = false }: RepairFlags): readonly string[] {
  const { segments, unlisted, unreadable, missing, salvages, condemned, records } = report
  const lines = [
    ...segments.map(({ key, message }) => `make anew: ${key}: ${message}`),
    ...unlisted.map((key) => `list again: ${key}`),
    ...unreadable.map(({ key, message }) => `give up: ${key}: ${message}`),
    ...missing.map((key) => `forget: ${key}, which is not there`),
    ...salvages.map(
      ({ pack, saved, lost }) => `save of ${pack} what can be read: ${count(saved, 'piece')}; ${lost} are lost`,
    ),
    ...condemned.map((key) => `remove: ${key}, which cannot be read`),
    ...(isSetAside
      ? records.map(({ volume, name, message }) => `set aside: backup ${name} of ${volume}: ${message}`)
      : []),
  ]
  return lines.map(oneLine)
}
