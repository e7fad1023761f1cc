import fc from 'fast-check'

/** A request for `inject` of fastify. */
export interface FuzzRequest {
  readonly method: 'GET' | 'POST' | 'DELETE' | 'PUT' | 'PATCH'
  readonly url: string
  readonly payload?: string
  readonly headers?: Readonly<Record<string, string>>
}

interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: boolean | Schema
  readonly anyOf?: readonly Schema[]
  readonly const?: string
}

interface Operation {
  readonly responses?: Readonly<Record<string, { readonly content?: Readonly<Record<string, unknown>> }>>
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[]
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }
}

export interface OpenApiPaths {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

/** Few names, so that requests meet each other's volumes; and texts that no name is. */
const names = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('db', 'web', 'a', 'old') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary-ascii', maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('', '..', '../x', 'a/b', '%2e%2e', 'x'.repeat(300), '\u0000', '-r', 'lost+found'),
  },
)
const texts = fc.oneof(
  names,
  fc.constantFrom('1g', '10', '0755', 'trash', 'delete', 'retain', 'directory', 'filesystem', 'true'),
)
const keys = fc.oneof(
  fc.constantFrom('size', 'driver', 'onRemove', 'id', '__proto__', 'constructor'),
  fc.string({ maxLength: 8 }),
)

/** Mostly what the schema wants, now and then anything. */
function valueOf(schema: Schema): fc.Arbitrary<unknown> {
  const proper = properValueOf(schema)
  return fc.oneof({ weight: 9, arbitrary: proper }, { weight: 1, arbitrary: fc.jsonValue() })
}

function properValueOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.const !== undefined) return fc.constant(schema.const)
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(properValueOf))
  if (schema.type === 'object' && schema.properties !== undefined) {
    const fields = Object.entries(schema.properties).map(([key, value]) => [key, valueOf(value)] as const)
    return fc.record(Object.fromEntries(fields), { requiredKeys: [] })
  }
  if (schema.type === 'object') return fc.dictionary(keys, texts, { maxKeys: 4 })
  if (schema.type === 'integer' || schema.type === 'number') return fc.integer()
  return texts
}

function urlOf(path: string, operation: Operation): fc.Arbitrary<string> {
  const query = (operation.parameters ?? []).filter((one) => one.in === 'query')
  const parts = fc.record({
    name: names,
    query: fc.record(Object.fromEntries(query.map(({ name, schema }) => [name, valueOf(schema)])), {
      requiredKeys: [],
    }),
    more: fc.option(fc.tuple(keys, texts), { freq: 20 }),
  })
  return parts.map(({ name, query, more }) => {
    const search = new URLSearchParams()
    for (const [key, value] of Object.entries(query)) search.append(key, textOf(value))
    if (more !== null) search.append(...more)
    const filled = path.replace(/\{[^}]+\}/g, () => encodeURIComponent(name))
    return search.size === 0 ? filled : `${filled}?${search.toString()}`
  })
}

/** Not String: any JSON has a text so, even `{"toString":0}`. */
const textOf = (value: unknown) => (typeof value === 'string' ? value : JSON.stringify(value))

const broken = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.constantFrom('', '{', '[]', 'null', '"x"', '{"__proto__":{"x":1}}', `{"name":"${'x'.repeat(5000)}"}`),
)

/** Any request that the document describes, mostly well formed. */
export function describedRequests({ paths }: OpenApiPaths): fc.Arbitrary<FuzzRequest> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([, operation]) => !isStream(operation))
      .map(([method, operation]) => requestsOf(path, method, operation)),
  )
  return fc.oneof(...operations)
}

/** Its answer has no end. */
const isStream = ({ responses }: Operation) => responses?.['200']?.content?.['text/event-stream'] !== undefined

function requestsOf(path: string, method: string, operation: Operation): fc.Arbitrary<FuzzRequest> {
  // The document's methods are those that fastify knows.
  const verb = method.toUpperCase() as FuzzRequest['method']
  const schema = operation.requestBody?.content['application/json']?.schema
  const body = schema === undefined ? fc.constant('{}') : valueOf(schema).map((value) => JSON.stringify(value))
  const payload = fc.oneof({ weight: 12, arbitrary: body }, { weight: 1, arbitrary: broken })
  return fc
    .record({ url: urlOf(path, operation), payload })
    .map(({ url, payload: text }) =>
      verb === 'GET' || verb === 'DELETE'
        ? { method: verb, url }
        : { method: verb, url, payload: text, headers: { 'content-type': 'application/json' } },
    )
}

const calls = ['Create', 'Get', 'Remove', 'Mount', 'Unmount', 'Path', 'List', 'Capabilities'] as const

/** What Docker could send, and what it never would. */
export const pluginRequests: fc.Arbitrary<FuzzRequest> = fc
  .record({
    call: fc.oneof(fc.constantFrom(...calls.map((name) => `VolumeDriver.${name}`)), fc.constant('Plugin.Activate')),
    body: fc.oneof(
      {
        weight: 9,
        arbitrary: fc
          .record({ Name: names, ID: texts, Opts: fc.dictionary(keys, texts, { maxKeys: 3 }) }, { requiredKeys: [] })
          .map((one) => JSON.stringify(one)),
      },
      { weight: 1, arbitrary: fc.json() },
      { weight: 1, arbitrary: broken },
    ),
  })
  .map(({ call, body }) => ({ method: 'POST', url: `/${call}`, payload: body }))
