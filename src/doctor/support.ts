import type { ArchivedFile } from '../host/archive.js'
import { toConvoyError } from '../errors.js'
import type { DatabaseDescription } from '../model/database-description.js'
import type { SupportTarget } from './doctor.js'
import type { ControlSource, DaemonView } from './daemon-view.js'
import type { Outcome } from './examination.js'
import { describeExamination } from './examination-json.js'
import { redactJson, redactText } from './redaction.js'

/** What was packed. */
export interface PackedSupport {
  readonly path: string
  readonly files: readonly { readonly name: string; readonly bytes: number }[]
  /** What could not be had, and why. */
  readonly missing: readonly string[]
}

export interface SupportDeps {
  readonly source: ControlSource
  readonly daemon: DaemonView
  /** Name → version of the programs that take part. */
  readonly versions: () => Promise<Readonly<Record<string, string>>>
  readonly mountInfo: () => string
  readonly pluginFiles: () => readonly unknown[]
  /** For a daemon that does not run. ConvoyError `unavailable`. */
  readonly describeDatabase: (root: string) => Promise<DatabaseDescription>
  readonly readLog: (file: string | undefined) => Promise<string>
  readonly write: (path: string, files: readonly ArchivedFile[], existing: SupportTarget['existing']) => Promise<void>
}

/** Answers of the daemon that go into the archive as they are, without secrets. */
const answers: Readonly<Record<string, string>> = {
  'info.json': '/v1/info',
  'config.json': '/v1/config',
  'drivers.json': '/v1/drivers',
  'volumes.json': '/v1/summaries',
  'forgotten.json': '/v1/forgotten',
  'trash.json': '/v1/trash',
  'mounts.json': '/v1/mounts',
  'jobs.json': '/v1/jobs',
  'notify.json': '/v1/notify',
}

/** Packs what helps to find a fault, and nothing out of a volume or of what is secret. */
export async function packSupport(
  deps: SupportDeps,
  outcomes: readonly Outcome[],
  { path, existing }: SupportTarget,
): Promise<PackedSupport> {
  const missing: string[] = []
  const contents = Object.entries(contentsOf(deps, outcomes)).map(async ([name, read]) => {
    try {
      return [{ name, text: await read() }]
    } catch (thrown) {
      missing.push(`${name}: ${toConvoyError(thrown).sentence}`)
      return []
    }
  })
  const found = (await Promise.all(contents)).flat()
  const files = missing.length === 0 ? found : [...found, { name: 'missing.txt', text: `${missing.join('\n')}\n` }]
  await deps.write(path, files, existing)
  return { path, files: files.map(({ name, text }) => ({ name, bytes: Buffer.byteLength(text) })), missing }
}

type Contents = Readonly<Record<string, () => Promise<string> | string>>

function contentsOf(deps: SupportDeps, outcomes: readonly Outcome[]): Contents {
  const { source, daemon } = deps
  const ofDaemon = Object.entries(answers).map(
    ([name, path]) => [name, async () => json(await source.get(path))] as const,
  )
  return {
    'doctor.json': () => json(describeExamination(outcomes)),
    'versions.json': async () => json(await deps.versions()),
    ...Object.fromEntries(ofDaemon),
    'config.json': async () => json(await daemon.configuration()),
    'database.json': async () => json(await describeDatabase(deps)),
    'events.txt': async () => redactText(await readEvents(source)),
    'mountinfo.txt': () => redactText(deps.mountInfo()),
    'plugin-files.json': () => json(deps.pluginFiles()),
    'daemon.log': async () => redactText(await deps.readLog((await daemon.settings()).get('log'))),
  }
}

const json = (value: unknown) => `${JSON.stringify(redactJson(value), undefined, 2)}\n`

async function describeDatabase({ daemon, describeDatabase: read }: SupportDeps): Promise<unknown> {
  const diagnosis = await daemon.get('/v1/diagnosis').catch(() => undefined)
  return diagnosis ?? { database: await read(await daemon.setting('root')) }
}

async function readEvents(source: ControlSource): Promise<string> {
  let text = ''
  const path = '/v1/events?follow=false'
  await source.stream({ path, longestSilenceMs: 10_000, onText: (more) => void (text += more) })
  return text
}
