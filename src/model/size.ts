import { ConvoyError } from '../errors.js'

const pattern = /^(\d{1,16})(?:([kmgtp])(?:i?b)?|b)?$/i
const exponents: Readonly<Record<string, number>> = { k: 1, m: 2, g: 3, t: 4, p: 5 }

/** Bytes from `"10G"`, `"512m"`, `"1073741824"`: whole numbers, units of 1024, any case, at most 2^53 - 1 bytes. */
export function parseSizeBytes(text: string): number {
  const match = pattern.exec(text)
  const digits = match?.[1]
  if (digits === undefined) {
    throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 40))} is not a size`, {
      hint: 'use bytes or a whole number with k, m, g or t, for example 10G',
    })
  }
  const bytes = Number(digits) * 1024 ** (exponents[match?.[2]?.toLowerCase() ?? ''] ?? 0)
  if (Number.isSafeInteger(bytes)) return bytes
  throw new ConvoyError('invalid-argument', `size ${text} is too large`, { hint: 'the largest is 8191T' })
}

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const

/** `1536` → `"1.5 KiB"`, for people. */
export function formatSize(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  const value = bytes / 1024 ** power
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${units[power] ?? 'B'}`
}
