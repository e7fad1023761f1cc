import type { PseudoRandom } from '../test/repository/pseudo-random.js'

/** What columns and settings are called: text that compresses like text. */
export const words: readonly string[] = (
  'account active address amount archive balance billing carrier category city code comment company contact country created currency ' +
  'customer delivery description discount email enabled error event external first gender group history id image inactive index invoice ' +
  'item label last level line locale login manager message method mobile name note number order owner parent password payment pending ' +
  'phone postal price priority product quantity reason received reference region remark report result role score sent serial service ' +
  'session shipping signature source state status street subject summary supplier tag target tax ticket title token total type unit ' +
  'updated user value vendor version visible warehouse website weight year zone'
).split(' ')

export function phrase(random: PseudoRandom, count: number): string {
  let text = ''
  for (let index = 0; index < count; index++) text += `${random.pick(words)} `
  return text
}
