const levels: Readonly<Record<number, readonly [name: string, colour: string]>> = {
  20: ['DEBUG', '\u001b[2m'],
  30: ['INFO ', '\u001b[32m'],
  40: ['WARN ', '\u001b[33m'],
  50: ['ERROR', '\u001b[31m'],
}

/** A line of the JSON log for people: `2026-11-21 19:05:44.123 INFO  ready  name=convoy volumes=3`. */
export function formatForPeople(line: string, isColoured: boolean): string {
  // pino wrote it.
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Readonly<Record<string, unknown>>
  const [name, colour] = levels[Number(level)] ?? [String(level), '']
  const shown = isColoured ? `${colour}${name}\u001b[0m` : name
  const when = String(time).replace('T', ' ').replace('Z', '')
  const { message, stack, ...details } = isObject(err) ? err : {}
  const all = { ...fields, ...(message === undefined ? {} : { error: message }), ...codeOf(details) }
  const texts = Object.entries(all).map(([key, value]) => ` ${printable(key)}=${formatValue(value)}`)
  return `${when} ${shown} ${printable(String(msg))}${texts.length === 0 ? '' : ` ${texts.join('')}`}\n${formatStack(stack)}`
}

/** Where a defect happened. What we refuse ourselves is told by its message. */
function formatStack(stack: unknown): string {
  const lines = typeof stack === 'string' ? stack.split('\n').filter((line) => /^\s+at /.test(line)) : []
  return lines.map((line) => `    ${printable(line.trim())}\n`).join('')
}

const codeOf = ({ code }: Readonly<Record<string, unknown>>) => (code === undefined ? {} : { code })

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null

function formatValue(value: unknown): string {
  const isPlain = typeof value === 'number' || (typeof value === 'string' && /^[\w./:@+-]+$/.test(value))
  return isPlain ? String(value) : printable(JSON.stringify(value))
}

/** On one line, and nothing that a terminal would obey. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ')
}
