import { type DataSet, dataSets } from './backup-data.js'
import { type BackupTool, knownTools, readTools } from './backup-tools.js'

/** How backups are measured. */
export interface BackupSettings {
  readonly rounds: number
  /** Of the data: 1 is what the figures of the issue are about. */
  readonly scale: number
  readonly sets: readonly DataSet[]
  readonly tools: readonly BackupTool[]
}

/** For parseArgs of Node. */
export const backupOptions = {
  rounds: { type: 'string' },
  scale: { type: 'string' },
  sets: { type: 'string' },
  tools: { type: 'string' },
} as const

export type BackupOptionTexts = Readonly<Partial<Record<keyof typeof backupOptions, string>>>

/** `tools` names a file of more of them; one that has the name of one of ours is taken instead of it. */
export function parseBackupSettings(texts: BackupOptionTexts): BackupSettings {
  const names = texts.sets?.split(',') ?? dataSets.map(({ name }) => name)
  const sets = names.map((name) => {
    const set = dataSets.find((one) => one.name === name)
    if (set === undefined) throw new Error(`no set "${name}"; there are: ${dataSets.map((one) => one.name).join(', ')}`)
    return set
  })
  const more = texts.tools === undefined ? [] : readTools(texts.tools)
  const rounds = parsePositive('rounds', texts.rounds ?? '7')
  const tools = [...knownTools.filter(({ name }) => !more.some((one) => one.name === name)), ...more]
  return { rounds, scale: parsePositive('scale', texts.scale ?? '1'), sets, tools }
}

function parsePositive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`--${name} is a number above 0, not "${text}"`)
  return value
}
