/** An array is written as its `item`s; what is undefined is left out. */
export type Xml = string | number | boolean | undefined | readonly Xml[] | { readonly [name: string]: Xml }

const escapes: ReadonlyMap<string, string> = new Map([
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  ['"', '&quot;'],
])

const escape = (text: string) => text.replaceAll(/[&<>"]/g, (char) => escapes.get(char) ?? char)

function contents(value: Xml): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return escape(String(value))
  const entries: readonly (readonly [string, Xml])[] = isList(value)
    ? value.map((item) => ['item', item] as const)
    : Object.entries(value)
  return entries.flatMap(([name, inner]) => (inner === undefined ? [] : element(name, inner))).join('')
}

// The compiler does not take Array.isArray for a list that is readonly.
const isList = (value: object): value is readonly Xml[] => Array.isArray(value)

const element = (name: string, value: Xml) => `<${name}>${contents(value)}</${name}>`

const head = '<?xml version="1.0" encoding="UTF-8"?>\n'

export function xmlAnswer(action: string, requestId: string, answer: { readonly [name: string]: Xml }): string {
  const inner = contents({ requestId, ...answer })
  const name = `${action}Response`
  return `${head}<${name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/">${inner}</${name}>`
}

export function xmlFailure(requestId: string, code: string, message: string): string {
  return head + element('Response', { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId })
}
