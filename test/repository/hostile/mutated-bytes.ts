import type { PseudoRandom } from '../pseudo-random.js'

/** What parsers of lengths, counts, names and types may take badly. */
const tokens: readonly Buffer[] = [
  ...['..', '.', '/', '/etc/passwd', '../../outside', '\0', '\0\0', '\n', 'd', 'f', 'l', 'h', 'c', 'b', 'p', 's'].map(
    (text) => Buffer.from(text, 'latin1'),
  ),
  Buffer.alloc(32),
  Buffer.alloc(32, 0xff),
  Buffer.alloc(256, 'x'),
  Buffer.of(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x0f),
  Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
  Buffer.of(0x80, 0x00),
]

const numbers = [
  0,
  1,
  2,
  47,
  48,
  49,
  0x7f,
  0x80,
  0xff,
  0x100,
  0xffff,
  2 ** 20,
  2 ** 24,
  2 ** 24 + 1,
  2 ** 31,
  2 ** 32 - 1,
]

type Mutation = (bytes: Buffer, random: PseudoRandom) => Buffer

const at = (bytes: Buffer, random: PseudoRandom): number => random.integer(bytes.length + 1)

function replaced(bytes: Buffer, from: number, to: number, by: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), by, bytes.subarray(Math.max(from, to))])
}

const mutations: readonly Mutation[] = [flipBit, setByte, setNumber, putToken, cut, leaveOut, repeat, move, append]

function flipBit(bytes: Buffer, random: PseudoRandom): Buffer {
  const copy = Buffer.from(bytes)
  const index = random.integer(bytes.length)
  copy[index] = (copy[index] ?? 0) ^ (1 << random.integer(8))
  return copy
}

function setByte(bytes: Buffer, random: PseudoRandom): Buffer {
  const index = random.integer(bytes.length)
  return replaced(bytes, index, index + 1, Buffer.of(random.integer(256)))
}

function setNumber(bytes: Buffer, random: PseudoRandom): Buffer {
  const from = at(bytes, random)
  const number = Buffer.alloc(4)
  number.writeUInt32LE(random.pick(numbers))
  return replaced(bytes, from, from + random.pick([0, 1, 4]), number.subarray(0, random.pick([1, 2, 4])))
}

function putToken(bytes: Buffer, random: PseudoRandom): Buffer {
  const from = at(bytes, random)
  const token = random.pick(tokens)
  return replaced(bytes, from, from + random.pick([0, 1, token.length]), token)
}

function cut(bytes: Buffer, random: PseudoRandom): Buffer {
  return bytes.subarray(0, at(bytes, random))
}

function leaveOut(bytes: Buffer, random: PseudoRandom): Buffer {
  const from = at(bytes, random)
  return replaced(bytes, from, from + 1 + random.integer(64), Buffer.alloc(0))
}

function repeat(bytes: Buffer, random: PseudoRandom): Buffer {
  const from = at(bytes, random)
  return replaced(bytes, from, from, bytes.subarray(from, from + 1 + random.integer(200)))
}

function move(bytes: Buffer, random: PseudoRandom): Buffer {
  const from = at(bytes, random)
  const part = bytes.subarray(from, from + 1 + random.integer(100))
  const rest = replaced(bytes, from, from + part.length, Buffer.alloc(0))
  const to = at(rest, random)
  return replaced(rest, to, to, part)
}

function append(bytes: Buffer, random: PseudoRandom): Buffer {
  return Buffer.concat([bytes, random.bytes(1 + random.integer(40))])
}

/** A copy with something wrong, or several things. Never empty: no blob is. */
export function mutatedBytes(bytes: Buffer, random: PseudoRandom): Buffer {
  let mutated = bytes
  for (let times = random.pick([1, 1, 1, 2, 3]); times > 0; times--)
    if (mutated.length > 0) mutated = random.pick(mutations)(mutated, random)
  return mutated.length > 0 ? mutated : Buffer.of(random.integer(256))
}
