import type { PseudoRandom } from '../pseudo-random.js'
import { mutatedBytes } from './mutated-bytes.js'
import { bodies, type PlainEntry, sized } from './plain-manifest.js'

const hostileNames = [
  '..',
  '.',
  '',
  '/',
  'a/b',
  '/etc',
  '../../outside',
  'outside',
  'x'.repeat(256),
  'x'.repeat(255),
  '\n',
  'link',
]
const hostileTargets = [
  '..',
  '/',
  '/etc/passwd',
  '../outside',
  '../../outside/canary',
  'data',
  '.',
  'link',
  'x'.repeat(5000),
]
const types = ['f', 'd', 'l', 'h', 'c', 'b', 'p', 's', 'x', '\0']
const modes = [0, 0o4777, 0o2777, 0o1777, 0o777, 0o7777, 2 ** 32 - 1]
const formats = [0o100_000, 0o040_000, 0o120_000, 0o020_000, 0o060_000, 0o010_000, 0o140_000, 0]
const sizes = [0, 1, 255, 4096, 2 ** 20, 2 ** 32 - 1, 2 ** 40, 2 ** 53 - 1, 2 ** 53]
const seconds = [0n, -1n, -(2n ** 40n), 2n ** 40n, 2n ** 63n - 1n, -(2n ** 63n)]
const attributeNames = [
  'user.x',
  'security.capability',
  'system.posix_acl_access',
  'trusted.overlay.opaque',
  'nonsense',
  '',
  'user.\0',
]

type Mutation = (entries: PlainEntry[], index: number, random: PseudoRandom) => void

/** What lies at an index, or would have to be made up. */
const one = (entries: readonly PlainEntry[], index: number): PlainEntry => entries[index % entries.length]!

const mutations: readonly Mutation[] = [
  rename,
  renameInOrder,
  goDown,
  leaveOut,
  repeat,
  exchange,
  becomeLink,
  becomeHardLink,
  becomeDevice,
  becomeAnything,
  changeMode,
  changeOwner,
  changeSize,
  changeTime,
  changeBody,
  takeBody,
  addAttribute,
]

function rename(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const names = one(entries, index).path.toString('latin1').split('\0')
  names[random.integer(names.length)] = random.pick(hostileNames)
  one(entries, index).path = Buffer.from(names.join('\0'), 'latin1')
}

function renameInOrder(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  rename(entries, random.pick([0, index]), random)
  entries.sort((a, b) => a.path.compare(b.path))
}

function goDown(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const entry = one(entries, index)
  const names = [
    entry.path.toString('latin1'),
    ...Array.from({ length: 1 + random.integer(3) }, () => random.pick(hostileNames)),
  ]
  entry.path = Buffer.from(names.join('\0'), 'latin1')
  if (random.integer(2) === 0) entries.sort((a, b) => a.path.compare(b.path))
}

function leaveOut(entries: PlainEntry[], index: number): void {
  entries.splice(index, 1)
}

function repeat(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  entries.splice(random.integer(entries.length + 1), 0, copyOf(one(entries, index)))
}

function exchange(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const other = random.integer(entries.length)
  const [a, b] = [one(entries, index), one(entries, other)]
  entries[index] = b
  entries[other] = a
}

/** What was a directory, with all that is in it, is a link that leads elsewhere. */
function becomeLink(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const directories = entries.filter(({ type }) => type === 'd')
  const entry = directories[index % directories.length] ?? one(entries, index)
  entry.type = 'l'
  entry.stat.mode = 0o120_777
  entry.body = sized(Buffer.from(random.pick(hostileTargets)))
}

function becomeHardLink(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const entry = one(entries, index)
  entry.type = 'h'
  entry.stat.mode = 0o100_644
  const other = one(entries, random.integer(entries.length)).path
  entry.body = sized(random.pick([other, Buffer.from(random.pick(hostileTargets).replaceAll('/', '\0'))]))
}

function becomeDevice(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const entry = one(entries, index)
  entry.type = random.pick(['b', 'c'])
  entry.stat.mode = entry.type === 'b' ? 0o060_666 : 0o020_666
  entry.body = bodies.device(random.pick([1, 8, 0xffffffff]), random.pick([0, 3, 0xffffffff]))
}

function becomeAnything(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  one(entries, index).type = random.pick(types)
}

function changeMode(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const { stat } = one(entries, index)
  stat.mode = random.pick([(stat.mode & 0o170_000) | random.pick(modes), random.pick(formats) | (stat.mode & 0o7777)])
}

function changeOwner(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const { stat } = one(entries, index)
  stat.uid = random.pick([0, 65_534, 2 ** 32 - 1])
  stat.gid = random.pick([0, 65_534, 2 ** 32 - 1])
}

function changeSize(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  one(entries, index).stat.size = random.pick(sizes)
}

function changeTime(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const { stat } = one(entries, index)
  stat.mtimeSec = random.pick(seconds)
  stat.mtimeNs = random.pick([0, 999_999_999, 1_000_000_000, 2 ** 32 - 1])
}

function changeBody(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const entry = one(entries, index)
  entry.body = mutatedBytes(entry.body, random)
}

function takeBody(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const [entry, other] = [one(entries, index), one(entries, random.integer(entries.length))]
  entry.body = other.body
  if (random.integer(2) === 0) entry.stat.size = other.stat.size
}

function addAttribute(entries: PlainEntry[], index: number, random: PseudoRandom): void {
  const entry = one(entries, index)
  const name = Buffer.from(random.pick(attributeNames), 'latin1')
  const value = random.pick([Buffer.alloc(0), random.bytes(20), Buffer.alloc(65_536), Buffer.alloc(65_537)])
  entry.xattrs = [...entry.xattrs, [name, value]]
}

function copyOf(entry: PlainEntry): PlainEntry {
  return { ...entry, stat: { ...entry.stat } }
}

/** A copy of the entries with one to three of them wrong. */
export function mutatedEntries(entries: readonly PlainEntry[], random: PseudoRandom): PlainEntry[] {
  const copy = entries.map(copyOf)
  for (let times = random.pick([1, 1, 2, 3]); times > 0 && copy.length > 0; times--)
    random.pick(mutations)(copy, random.integer(copy.length), random)
  return copy
}
