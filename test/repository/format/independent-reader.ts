import { createDecipheriv, createHash, hkdfSync, scryptSync } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import zstd from 'zstd-napi'

// Written from src/repository/FORMAT.md alone. Reads a repository into memory, and throws at what that page does not allow.

export interface ReadEntry {
  readonly type: string
  /** The 52 bytes. */
  readonly stat: Buffer
  /** Content, target, first name, or the numbers of the device. */
  readonly body: Buffer
  readonly xattrs: readonly (readonly [name: Buffer, value: Buffer])[]
}

export type Secret = { readonly keyFile: string } | { readonly passphrase: string } | undefined

/** A pack, and a blob in it. */
type Pack = Readonly<Record<'key', string> & Record<'kind', number> & Record<'salt', Buffer>>
type Place = Readonly<Pack & Record<'offset' | 'stored' | 'raw' | 'codec' | 'type', number>>
type Json = Readonly<Record<string, unknown>>

/** The objects of a repository in a directory, by their keys. */
export function readObjects(destination: string): Map<string, Buffer> {
  const files = readdirSync(`${destination}/convoy2`, { recursive: true, withFileTypes: true })
  const objects = files.filter((file) => file.isFile() && !file.name.startsWith('.'))
  const keys = objects.map((file) => `${file.parentPath}/${file.name}`.split('/convoy2/')[1]!)
  return new Map(keys.map((key) => [key, readFileSync(`${destination}/convoy2/${key}`)]))
}

const kinds: Readonly<Record<number, string>> = { 1: 'data', 2: 'meta' }
const zeroId = '0'.repeat(64)
const noBytes = Buffer.alloc(0)

function insist(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Error(what)
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
const hkdf = (key: Buffer, salt: Buffer, info: Buffer) => Buffer.from(hkdfSync('sha256', key, salt, info, 32))

function gcmOpen(key: Buffer, nonce: Buffer, associated: Buffer, sealed: Buffer): Buffer {
  insist(sealed.length >= 16, 'too short to be sealed')
  const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAAD(associated).setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

function unpack(codec: number | undefined, content: Buffer, rawBytes: number): Buffer {
  insist(codec === 0 || codec === 1, 'codec')
  const raw = codec === 0 ? content : zstd.decompress(content)
  insist(raw.length === rawBytes, 'raw bytes')
  return raw
}

class Bytes {
  at = 0
  constructor(readonly bytes: Buffer) {}
  take(length: number): Buffer {
    insist(this.at + length <= this.bytes.length, 'cut off')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
  u8 = () => this.take(1).readUInt8()
  u32 = () => this.take(4).readUInt32LE()
  counted = () => this.take(this.varint())
  varint(): number {
    for (let value = 0, count = 0; ; count++) {
      const byte = this.u8()
      value += (byte & 0x7f) * 2 ** (7 * count)
      insist(count < 8 && value < 2 ** 53 && (byte !== 0 || count === 0), 'varint')
      if (byte < 0x80) return value
    }
  }
  end(): void {
    insist(this.at === this.bytes.length, 'bytes are left over')
  }
}

export class IndependentReader {
  readonly #objects: ReadonlyMap<string, Buffer>
  readonly #repositoryId: Buffer
  readonly #master: Buffer
  readonly #places = new Map<string, Place>()

  /** `source`: where blobs are looked up, the index or the footers of the packs. */
  constructor(objects: ReadonlyMap<string, Buffer>, secret: Secret, source: 'index' | 'packs') {
    this.#objects = objects
    const config = this.#json('config.json')
    this.#repositoryId = Buffer.from(String(config['repositoryId']).replaceAll('-', ''), 'hex')
    this.#master = config['encryption'] === 'none' ? base64(config['openKey']) : this.#unwrap(secret)
    for (const key of objects.keys())
      if (source === 'index' && key.startsWith('index/')) this.#loadSegment(key)
      else if (source === 'packs' && /^(data|meta)\//.test(key)) this.#loadFooter(key)
  }

  listBackups(): readonly string[] {
    const keys = [...this.#objects.keys()].filter((key) => key.startsWith('backups/') && this.#get(key).length > 0)
    return keys.map((key) => key.slice('backups/'.length))
  }

  /** `backup` is `<volume>/<name>`. */
  record(backup: string): Json {
    const record = asFormat(this.#sealed(`backups/${backup}`))
    insist(`${String(record['volume'])}/${String(record['name'])}` === backup, 'the record of another backup')
    return record
  }

  /** By paths in latin1, with zero bytes between the names. */
  readTree(backup: string): ReadonlyMap<string, ReadEntry> {
    const entries = new Map<string, ReadEntry>()
    const list = new Bytes(this.#blob(String(this.record(backup)['tree']), 4))
    let last: Buffer | undefined
    for (let left = list.varint(); left > 0; left--) {
      const shard = new Bytes(this.#blob(list.take(32).toString('hex'), 3))
      const count = shard.varint()
      insist(count === list.varint() && count > 0 && count <= 2048, 'number of entries')
      const firstPath = list.counted()
      let before = noBytes
      for (let index = 0; index < count; index++) {
        const path = Buffer.concat([before.subarray(0, shard.varint()), shard.counted()])
        if (index === 0) insist(path.subarray(0, 4096).equals(firstPath), 'first path')
        insist(last === undefined ? path.length === 0 : last.compare(path) < 0, 'order')
        const parent = path.subarray(0, Math.max(path.lastIndexOf(0), 0)).toString('latin1')
        const entry = this.#entry(shard, entries)
        insist(path.length === 0 ? entry.type === 'd' : entries.get(parent)?.type === 'd', 'parent')
        insist(path.length === 0 || path.toString('latin1').split('\0').every(isName), 'name')
        entries.set(path.toString('latin1'), entry)
        last = before = path
      }
      shard.end()
    }
    list.end()
    return entries
  }

  #entry(shard: Bytes, before: ReadonlyMap<string, ReadEntry>): ReadEntry {
    const type = String.fromCharCode(shard.u8())
    const stat = shard.take(52)
    const body = this.#body(type, shard, Number(stat.readBigUInt64LE(20)))
    if (type === 'l') insist(body.length > 0 && body.length < 4096 && !body.includes(0), 'target')
    if (type === 'h') insist('fbclps'.includes(before.get(body.toString('latin1'))?.type ?? '?'), 'first name')
    const xattrs = Array.from({ length: shard.varint() }, () => [shard.counted(), shard.counted()] as const)
    insist(
      xattrs.every(([name], index) => index === 0 || name.compare(xattrs[index - 1]![0]) > 0),
      'xattrs',
    )
    return { type, stat, body, xattrs }
  }

  #body(type: string, shard: Bytes, size: number): Buffer {
    if (type === 'f') return this.#content(shard, size)
    if (type === 'l' || type === 'h') return shard.counted()
    if (type === 'c' || type === 'b') return shard.take(8)
    insist(['d', 'p', 's'].includes(type), 'type')
    return noBytes
  }

  #content(shard: Bytes, size: number): Buffer {
    const form = shard.u8()
    if (form === 0) insist(size === 0, 'size')
    if (form === 0) return noBytes
    if (form === 1) {
      const chunk = this.#blob(shard.take(32).toString('hex'), 1)
      const offset = shard.varint()
      const content = chunk.subarray(offset, offset + size)
      insist(sha256(content) === shard.take(32).toString('hex') && content.length === size, 'content of a bundle')
      return content
    }
    insist(form === 2 || form === 3, 'form')
    shard.u8()
    const content = this.#extents(shard, (id) => {
      if (form === 2) return this.#blob(id, 1)
      const list = new Bytes(this.#blob(id, 2))
      const part = this.#extents(list, (chunk) => this.#blob(chunk, 1))
      list.end()
      return part
    })
    insist(content.length === size, 'size')
    return content
  }

  #extents(bytes: Bytes, read: (id: string) => Buffer): Buffer {
    const parts = Array.from({ length: bytes.varint() }, () => {
      const id = bytes.take(32).toString('hex')
      const length = bytes.varint()
      const part = id === zeroId ? Buffer.alloc(length) : read(id)
      insist(length > 0 && part.length === length, 'length of an extent')
      return part
    })
    return Buffer.concat(parts)
  }

  #blob(id: string, type: number): Buffer {
    const place = this.#places.get(id)
    insist(place?.type === type, `there is no blob ${id} of type ${type}`)
    const sealed = this.#get(place.key).subarray(place.offset, place.offset + place.stored)
    const raw = unpack(place.codec, gcmOpen(this.#packKey(place), nonceAt(place.offset), noBytes, sealed), place.raw)
    insist(sha256(raw) === id, 'id')
    return raw
  }

  #loadSegment(key: string): void {
    for (const segment = new Bytes(this.#sealed(key)); segment.at < segment.bytes.length;) {
      const name = segment.take(32).toString('hex')
      const kind = segment.u8()
      segment.take(3)
      const size = segment.u32()
      const pack = { key: `${kinds[kind]}/${name.slice(0, 2)}/${name}`, kind, salt: segment.take(32) }
      const entries = segment.take(segment.u32() * 48)
      if (this.#objects.get(pack.key)?.length === size) this.#learn(pack, entries, size)
    }
  }

  #loadFooter(key: string): void {
    const bytes = this.#get(key)
    const pack = { key, kind: bytes.readUInt8(6), salt: bytes.subarray(24, 56) }
    insist(key === `${kinds[pack.kind]}/${sha256(bytes).slice(0, 2)}/${sha256(bytes)}`, 'name of a pack')
    insist(bytes.toString('latin1', 0, 4) === 'CVBP' && bytes.readUInt16LE(4) === 1 && bytes[7] === 0, 'header')
    insist(bytes.subarray(8, 24).equals(this.#repositoryId), 'a pack of another repository')
    insist(bytes.toString('latin1', bytes.length - 4) === 'CVBE', 'trailer')
    const end = bytes.length - 12
    const at = end - bytes.readUInt32LE(end)
    const entries = gcmOpen(this.#packKey(pack), nonceAt(at), noBytes, bytes.subarray(at, end))
    insist(entries.length === bytes.readUInt32LE(end + 4) * 48, 'number of entries')
    this.#learn(pack, entries, bytes.length)
  }

  #learn(pack: Pack, entries: Buffer, packBytes: number): void {
    const bytes = new Bytes(entries)
    let end = 56
    while (bytes.at < entries.length) {
      const id = bytes.take(32).toString('hex')
      const [offset, stored, raw, codec, type] = [bytes.u32(), bytes.u32(), bytes.u32(), bytes.u8(), bytes.u8()]
      insist(bytes.take(2).readUInt16LE() === 0 && offset === end && (type === 1) === (pack.kind === 1), 'entry')
      insist(codec === 0 ? stored === raw + 16 : stored < raw + 16, 'stored bytes')
      end += stored
      this.#places.set(id, { ...pack, offset, stored, raw, codec, type })
    }
    insist(end + entries.length + 16 + 12 === packBytes, 'size of a pack')
  }

  #packKey({ kind, salt }: Pack): Buffer {
    return hkdf(this.#master, salt, Buffer.concat([Buffer.from('convoy pack'), this.#repositoryId, Buffer.of(kind)]))
  }

  #sealed(key: string): Buffer {
    const bytes = this.#get(key)
    const [header, salt] = [bytes.subarray(0, 44), bytes.subarray(12, 44)]
    insist(bytes.toString('latin1', 0, 4) === 'CVBO' && bytes.readUInt16LE(4) === 1 && bytes[7] === 0, 'object')
    const objectKey = hkdf(this.#master, salt, Buffer.concat([Buffer.from('convoy object'), this.#repositoryId]))
    const content = gcmOpen(objectKey, nonceAt(0), Buffer.concat([header, Buffer.from(key)]), bytes.subarray(44))
    return unpack(bytes[6], content, bytes.readUInt32LE(8))
  }

  #unwrap(secret: Secret): Buffer {
    for (const key of this.#objects.keys()) {
      if (!key.startsWith('keys/')) continue
      const slot = this.#json(key)
      try {
        return gcmOpen(wrappingKey(slot, secret), nonceAt(0), this.#repositoryId, base64(slot['wrapped']))
      } catch {
        // The slot of somebody else.
      }
    }
    throw new Error('no slot opens')
  }

  #json = (key: string) => asFormat(this.#get(key))

  #get(key: string): Buffer {
    const bytes = this.#objects.get(key)
    insist(bytes !== undefined, `there is no ${key}`)
    return bytes
  }
}

function wrappingKey(slot: Json, secret: Secret): Buffer {
  const salt = base64(slot['salt'])
  insist(secret !== undefined, 'the repository is encrypted')
  if ('keyFile' in secret) {
    insist(secret.keyFile.startsWith('convoy-key-1 '), 'key file')
    return hkdf(Buffer.from(secret.keyFile.slice(13).trim(), 'base64url'), salt, Buffer.from('convoy slot'))
  }
  const [N, r, p] = [Number(slot['n']), Number(slot['r']), Number(slot['p'])]
  return scryptSync(secret.passphrase.normalize('NFKC'), salt, 32, { N, r, p, maxmem: 2 ** 28 })
}

function asFormat(bytes: Buffer): Json {
  const json = JSON.parse(bytes.toString()) as Json
  insist(json['format'] === 1 && JSON.stringify(json['requires']) === '[]', 'format')
  return json
}
const base64 = (text: unknown) => Buffer.from(String(text), 'base64')
const isName = (name: string) => /^[^/]{1,255}$/s.test(name) && name !== '.' && name !== '..'

function nonceAt(offset: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32LE(offset)
  return nonce
}
