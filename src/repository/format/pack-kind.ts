/** Packs of file data, and packs of what describes files: apart, so that the latter can be cached and mirrored. */
export type PackKind = 'data' | 'meta'

/** As in the header of a pack, in index segments and in the derivation of its key. */
export const packKindCodes = { data: 1, meta: 2 } as const satisfies Record<PackKind, number>

export function findPackKind(code: number | undefined): PackKind | undefined {
  return code === 1 ? 'data' : code === 2 ? 'meta' : undefined
}

/** Where a pack lies, by the SHA-256 of all its bytes. */
export function packObjectKey(kind: PackKind, id: Buffer): string {
  const hex = id.toString('hex')
  return `${kind}/${hex.slice(0, 2)}/${hex}`
}

const packKeyRule = /^(data|meta)\/([0-9a-f]{2})\/(\2[0-9a-f]{62})$/

/** What a key below `data/` or `meta/` names; undefined for anything that is no pack. */
export function findPackOfKey(key: string): { readonly kind: PackKind; readonly id: Buffer } | undefined {
  const [, kind, , hex] = packKeyRule.exec(key) ?? []
  if (kind === undefined || hex === undefined) return undefined
  return { kind: kind === 'data' ? 'data' : 'meta', id: Buffer.from(hex, 'hex') }
}
