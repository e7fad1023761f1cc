import { randomInt } from 'node:crypto'
import { ConvoyError } from '../../errors.js'

/** Which packs are read whole: none, all, so many of a hundred by chance, or those of the n-th of t parts, which in t turns are all. */
export type PackChoice = 'none' | 'all' | { readonly percent: number } | { readonly share: number; readonly of: number }

/** ConvoyError `invalid-argument` for a share or a percentage that cannot be. */
export function choosePacks<P extends { readonly id: Buffer }>(packs: readonly P[], choice: PackChoice): readonly P[] {
  if (choice === 'none') return []
  if (choice === 'all') return packs
  if ('percent' in choice) return atRandom(packs, choice.percent)
  const { share, of } = choice
  if (!isCount(share) || !isCount(of) || of > 256 || share > of)
    throw new ConvoyError('invalid-argument', `there is no share ${share} of ${of}; shares go from 1/1 to 256/256`)
  return packs.filter(({ id }) => (id[0] ?? 0) % of === share - 1)
}

function atRandom<P>(packs: readonly P[], percent: number): readonly P[] {
  if (!(percent > 0 && percent <= 100))
    throw new ConvoyError('invalid-argument', `${percent} % of the packs cannot be read`)
  const left = [...packs]
  const chosen: P[] = []
  // At least one, so that a small repository is looked at too.
  while (chosen.length < Math.ceil((packs.length * percent) / 100))
    chosen.push(...left.splice(randomInt(left.length), 1))
  return chosen
}

const isCount = (number: number) => Number.isInteger(number) && number >= 1
