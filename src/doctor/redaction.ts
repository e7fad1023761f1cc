/** What stands in the place of a secret. */
export const removed = '(removed)'

const secretWord = String.raw`(?:secret|passw(?:or)?d|passphrase|token|credential|signature|(?:api|access|private|encryption)[-_ ]?key)`
const secretName = new RegExp(`${secretWord}|^(?:key|pass|auth|authorization)$|^notify\\..*\\.command$`, 'i')

/** In texts of any kind: what follows a telling name, and what looks like a secret by itself. */
const patterns: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, removed],
  [/(\b[a-z][a-z0-9+.-]*:\/\/)[^/\s"'@]*@/gi, `$1${removed}@`],
  [/\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, removed],
  [
    /\b(authorization\\?["']?\s*[:=]\s*\\?["']?|bearer\s+)(?:(?:basic|bearer|aws4\S*)\s+)?[^\s"',\\]+/gi,
    `$1${removed}`,
  ],
  [
    new RegExp(
      String.raw`([\w.-]*${secretWord}[\w.-]*\\?["']?\s*[:=]\s*)(\\?"(?:[^"\\]|\\.)*"|'[^']*'|[^\s,;&"'}\])]+)`,
      'gi',
    ),
    `$1"${removed}"`,
  ],
]

export function redactText(text: string): string {
  return patterns.reduce((redacted, [pattern, replacement]) => redacted.replace(pattern, replacement), text)
}

/** The same value without secrets: by the names of fields, by the names of options, and by what texts look like. */
export function redactJson(value: unknown): unknown {
  if (typeof value === 'string') return redactText(value)
  if (Array.isArray(value)) return value.map(redactJson)
  if (typeof value !== 'object' || value === null) return value
  const isSecretOption = 'name' in value && typeof value.name === 'string' && secretName.test(value.name)
  const entries = Object.entries(value).map(([key, one]: readonly [string, unknown]) => {
    const isSecret = secretName.test(key) || (isSecretOption && (key === 'value' || key === 'overrides'))
    return [key, isSecret ? removed : redactJson(one)]
  })
  return Object.fromEntries(entries)
}
