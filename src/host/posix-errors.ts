import { constants } from 'node:os'
import { getSystemErrorMap } from 'node:util'

/** As Node's own functions throw: `code` is ENOENT and the like, `errno` negative. `name` is told in the message. */
export function posixError(errno: number, syscall: string, name?: Buffer): NodeJS.ErrnoException {
  const positive = Math.abs(errno)
  const [code, text] = getSystemErrorMap().get(-positive) ?? [nameOf(positive), 'the system refused']
  const path = name?.toString()
  const where = path === undefined ? '' : ` '${path}'`
  const error = new Error(`${code}: ${text}, ${syscall}${where}`)
  return Object.assign(error, { code, errno: -positive, syscall, ...(path === undefined ? {} : { path }) })
}

/** Of what Node has no name for, such as ESTALE and EDQUOT. */
function nameOf(positive: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === positive)?.[0] ?? `E${positive}`
}

/** Throws the error that a negative number stands for. */
export function orThrow<T>(result: T | number, syscall: string, name?: Buffer): T {
  if (typeof result === 'number' && result < 0) throw posixError(result, syscall, name)
  // Other numbers are of those calls whose T is a number.
  return result as T
}
