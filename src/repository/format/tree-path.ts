/**
 * Paths as manifests have them: the bytes of the components with a 0 byte between two, so that the order of the bytes is the order
 * of a walk through the tree. The root is the empty path.
 */
export const rootPath: Buffer = Buffer.alloc(0)

const slash = 0x2f

/** The directory that holds it; of the root, undefined. */
export function parentPath(path: Buffer): Buffer | undefined {
  if (path.length === 0) return undefined
  const end = path.lastIndexOf(0)
  return end < 0 ? rootPath : path.subarray(0, end)
}

/** The last component. */
export function nameOf(path: Buffer): Buffer {
  return path.subarray(path.lastIndexOf(0) + 1)
}

/** Whether `path` is `directory` or lies below it. */
export function isWithin(path: Buffer, directory: Buffer): boolean {
  if (directory.length === 0) return true
  if (path.length < directory.length || path.compare(directory, 0, directory.length, 0, directory.length) !== 0)
    return false
  return path.length === directory.length || path[directory.length] === 0
}

/** Its directories from the root on, and itself. */
export function pathsDownTo(path: Buffer): readonly Buffer[] {
  const paths = [rootPath]
  for (let end = path.indexOf(0); end >= 0; end = path.indexOf(0, end + 1)) paths.push(path.subarray(0, end))
  return path.length === 0 ? paths : [...paths, path]
}

/**
 * What people type, `a/b` or `/a/./b/`, as a path of a manifest; so is what {@link showPath} shows. What lies above the root is the root.
 */
export function parseTreePath(typed: Buffer): Buffer {
  const components: Buffer[] = []
  for (let start = 0; start <= typed.length;) {
    const found = typed.indexOf(slash, start)
    const end = found < 0 ? typed.length : found
    const name = typed.toString('latin1', start, end).replace(escapeRule, unescape)
    if (name === '..') components.pop()
    else if (name !== '' && name !== '.') components.push(Buffer.from(name, 'latin1'))
    start = end + 1
  }
  return joinPath(components)
}

/** A pattern of paths, as in a `.gitignore`: what showPath shows of a path without `*`, `?`, `[` and the like finds that path. */
export function parsePathPattern(typed: string): string {
  const bytes = Buffer.from(typed).toString('latin1')
  // There, too, two backslashes mean one.
  const pattern = bytes.replace(escapeRule, (escaped) => (escaped === '\\\\' ? escaped : unescape(escaped)))
  return Buffer.from(pattern, 'latin1').toString()
}

export function joinPath(components: readonly Buffer[]): Buffer {
  return Buffer.concat(components.flatMap((component, index) => (index === 0 ? [component] : [separator, component])))
}

const separator = Buffer.of(0)

/** The bytes of the path with `/` between the components, as the system wants it. */
export function systemPath(path: Buffer): Buffer {
  const bytes = Buffer.from(path)
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) bytes[at] = slash
  return bytes
}

/** For people and JSON, on one line: `a/b\n\xff`. The root is `.`; a backslash is doubled, so that no two paths look the same. */
export function showPath(path: Buffer): string {
  if (path.length === 0) return '.'
  const bytes = systemPath(path)
  const text = bytes.toString('utf8')
  if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\\\ufffd]/u.test(text)) return text
  return Array.from(decodeLossless(bytes)).join('')
}

/** Character by character, so that one that is not UTF-8 costs its own byte only. */
function* decodeLossless(bytes: Buffer): Iterable<string> {
  for (let at = 0; at < bytes.length;) {
    const length = characterLength(bytes, at)
    const text = bytes.toString('utf8', at, at + length)
    if (length === 1 && (text === '\ufffd' || (bytes[at] ?? 0) >= 0x80)) yield escapeByte(bytes[at] ?? 0)
    else yield escapeCharacter(text)
    at += length
  }
}

/** Of the UTF-8 sequence that begins there, or 1 when there is none. */
function characterLength(bytes: Buffer, at: number): number {
  const first = bytes[at] ?? 0
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1
  const sequence = bytes.subarray(at, at + length)
  return Buffer.from(sequence.toString('utf8'), 'utf8').equals(sequence) ? length : 1
}

function escapeCharacter(text: string): string {
  if (text === '\\') return '\\\\'
  if (text === '\n') return '\\n'
  if (text === '\t') return '\\t'
  if (text === '\ufffd') return text
  if (!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text)) return text
  return Array.from(Buffer.from(text, 'utf8'), escapeByte).join('')
}

const escapeByte = (byte: number) => `\\x${byte.toString(16).padStart(2, '0')}`

/** All that is written above, which is no 0 and no slash: a name holds neither. */
const escapeRule = /\\(?:[\\nt]|x(?!00|2f)[0-9a-f]{2})/g

function unescape(escaped: string): string {
  if (escaped === '\\\\') return '\\'
  if (escaped === '\\n') return '\n'
  if (escaped === '\\t') return '\t'
  return String.fromCharCode(parseInt(escaped.slice(2), 16))
}
