import type { Test } from 'tap'
import { eventually } from '../engine/polling.js'
import type { Guest } from './guest.js'

/** Longer than a connection of NFS waits before it tries again. */
const patienceMs = 400_000

/** A process in a guest that writes numbered records to a file and must lose none, as a container would. */
export class Writer {
  readonly #guest: Guest

  private constructor(guest: Guest) {
    this.#guest = guest
  }

  /** `directory`: where it writes `log`. */
  static async start(guest: Guest, directory: string): Promise<Writer> {
    const loop =
      'i=0; while [ ! -e /run/stop ]; do i=$((i + 1)); echo "record $i" >> log || echo $i >> /run/failed; ' +
      'echo $i > /run/progress; sleep 0.2; done; touch /run/stopped'
    await guest.sh(`cd ${directory} && setsid bash -c '${loop}' </dev/null >/dev/null 2>/run/writer-errors &`)
    return new Writer(guest)
  }

  async progress(): Promise<number> {
    return Number(await this.#guest.sh('cat /run/progress'))
  }

  /** Resolves when it has written more. */
  async goesOn(): Promise<void> {
    const before = await this.progress()
    await eventually('the writer goes on', async () => (await this.progress()) > before + 2, patienceMs)
  }

  /** Resolves when it has written nothing for a while. */
  async waits(): Promise<void> {
    await this.#guest.sh(
      'until [ "$p" = "$(cat /run/progress)" ] && [ -n "$p" ]; do p=$(cat /run/progress); sleep 3; done',
      patienceMs,
    )
  }

  /** Ends it; `sum`: the checksum of its file where that really is. */
  async end(t: Test, sum: () => Promise<string>): Promise<void> {
    await this.#guest.sh('touch /run/stop; until [ -e /run/stopped ]; do sleep 0.2; done', patienceMs)
    t.equal(await this.#guest.sh('cat /run/failed /run/writer-errors 2>/dev/null || true'), '', 'no write failed')
    const expected = await this.#guest.sh('seq -f "record %.0f" 1 $(cat /run/progress) | sha256sum')
    t.equal(await sum(), expected, 'all that was written is there, in its order')
  }
}
