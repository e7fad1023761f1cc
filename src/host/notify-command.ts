import { ConvoyError } from '../errors.js'
import type { Notice, NotifyCommand } from '../model/notify-target.js'
import { type ProgramOptions, runProgram } from './exec.js'

const longestValue = 4096
const longestExcerpt = 500

/** Runs the command with the event as a line of JSON on standard input. ConvoyError `unavailable` unless it ends with 0. */
export async function runNotifyCommand(
  { command }: NotifyCommand,
  notice: Notice,
  limits: Pick<ProgramOptions, 'timeoutMs' | 'signal'>,
): Promise<void> {
  const [program, ...args] = command
  const input = `${JSON.stringify(notice.content)}\n`
  const { exitCode, stdout, stderr } = await runProgram(program, args, { ...limits, input, env: variablesOf(notice) })
  if (exitCode === 0) return
  const output = (stderr.trim() === '' ? stdout : stderr).trim().replace(/\s+/g, ' ').slice(-longestExcerpt)
  throw new ConvoyError('unavailable', `${program} ended with ${exitCode}${output === '' ? '' : `: ${output}`}`)
}

/** `CONVOY_EVENT_VOLUME_ID` is the field `volumeId`. */
function variablesOf({ id, content }: Notice): Readonly<Record<string, string>> {
  const fields = Object.entries(content).map(([name, value]) => [
    `CONVOY_EVENT_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`,
    // The kernel takes no zero bytes.
    String(value).replaceAll('\0', '').slice(0, longestValue),
  ])
  return { ...(Object.fromEntries(fields) as Readonly<Record<string, string>>), CONVOY_NOTICE_ID: id }
}
