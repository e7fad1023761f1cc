import t from 'tap'
import { PluginRequest } from '../../src/api/plugin-request.js'

t.test('fields are read when they are asked for, so a missing one refuses only who needs it', async (t) => {
  const request = PluginRequest.parse('{"Name":"db"}')
  t.equal(request.name, 'db')
  t.strictSame(request.options, {})
  t.throws(() => request.id, { code: 'invalid-argument' })
  t.throws(() => PluginRequest.parse('{"ID":"a1"}').name, { code: 'invalid-argument', message: /a missing name/ })
})

t.test('a request without a body has no fields', async (t) => {
  t.throws(() => PluginRequest.parse(undefined).name, { code: 'invalid-argument' })
  t.throws(() => PluginRequest.parse(null).id, { code: 'invalid-argument' })
})

t.test('what is not a JSON object is refused', async (t) => {
  for (const body of ['', 'x', '[]', '1', 'null', '"a"']) {
    t.throws(() => PluginRequest.parse(body), { code: 'invalid-argument', message: 'the request is not a JSON object' })
  }
})

t.test('options are texts under their own names', async (t) => {
  t.strictSame(PluginRequest.parse('{"Opts":{"a":"b","flag":""}}').options, { a: 'b', flag: '' })
  t.strictSame(PluginRequest.parse('{"Opts":null}').options, {})
  const hostile = PluginRequest.parse('{"Opts":{"__proto__":"x"}}').options
  t.strictSame(Object.keys(hostile), ['__proto__'])
  t.equal(Object.getPrototypeOf(hostile), Object.prototype)
  for (const options of ['7', '"a"', '[]', '{"a":1}', '{"a":null}', '{"a":["b"]}', 'false']) {
    t.throws(() => PluginRequest.parse(`{"Opts":${options}}`).options, { code: 'invalid-argument' }, options)
  }
})
