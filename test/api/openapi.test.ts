import t from 'tap'
import { ServedWorld } from './served-world.js'

interface Operation {
  readonly requestBody?: unknown
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: unknown }>>
}

interface OpenApi {
  readonly openapi: string
  readonly info: { readonly title: string; readonly version: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

t.test('every route of the control API is described: what it takes, what it answers, how it fails', async (t) => {
  const served = await ServedWorld.start(t)
  // What is tested: that it is one.
  const document = (await served.control('GET', '/v1/openapi.json')).body as unknown as OpenApi
  t.match(document, { openapi: '3.1.0', info: { title: 'Convoy', version: '1.2.3' } })
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  )
  const names = operations.map(({ name }) => name)
  for (const name of [
    'get /v1/volumes',
    'post /v1/volumes',
    'delete /v1/volumes/{name}',
    'get /healthz',
    'get /v1/jobs/{id}',
  ])
    t.ok(names.includes(name), name)
  for (const { name, operation } of operations) {
    if (name === 'get /v1/openapi.json') continue
    const codes = Object.keys(operation.responses)
    t.ok(
      codes.some((code) => code.startsWith('2')),
      `${name} answers with something`,
    )
    t.ok(codes.includes('4XX') && codes.includes('5XX'), `${name} says how it fails`)
    for (const { content } of Object.values(operation.responses)) t.ok(content, name)
  }
  t.ok(document.paths['/v1/volumes']?.['post']?.requestBody)
  t.notOk(
    names.some((name) => name.includes('VolumeDriver')),
    "Docker's protocol has a document of its own",
  )
})
