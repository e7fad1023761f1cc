import t from 'tap'
import { formatForPeople } from '../../src/daemon/readable-log.js'

const format = (fields: object, isColoured = false) =>
  formatForPeople(JSON.stringify({ level: 30, time: '2026-11-21T19:05:44.123Z', msg: 'ready', ...fields }), isColoured)

t.test('a line says when, how bad, what, and with which fields', async (t) => {
  t.equal(format({ name: 'convoy', volumes: 3 }), '2026-11-21 19:05:44.123 INFO  ready  name=convoy volumes=3\n')
  t.equal(format({ level: 40 }), '2026-11-21 19:05:44.123 WARN  ready\n')
  t.match(format({ level: 20 }), / DEBUG ready/)
  t.match(format({ level: 50 }), / ERROR ready/)
})

t.test('fields that are more than a word are quoted', async (t) => {
  t.match(format({ reason: 'not now', list: ['a'], empty: '' }), ' reason="not now" list=["a"] empty=""')
})

t.test('an error is told by its message, its code, and where it happened', async (t) => {
  const err = {
    type: 'Error',
    message: 'no such volume',
    code: 'not-found',
    stack: 'Error: x\n    at a (b:1)\n    at c',
  }
  t.equal(
    format({ level: 50, err }),
    '2026-11-21 19:05:44.123 ERROR ready  error="no such volume" code=not-found\n    at a (b:1)\n    at c\n',
  )
})

t.test('nothing that a request holds begins a line or commands a terminal', async (t) => {
  const hostile = 'a\n2026-11-21 forged\u001b[31m\u0007'
  const err = { message: hostile, stack: 'Error\n    at \u001b[31m' }
  const text = format({ msg: hostile, name: hostile, err, [hostile]: 1 })
  t.equal(text.split('\n').length, 3, 'the line, the place, nothing')
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f]/)
})

t.test('colour is for terminals', async (t) => {
  t.notMatch(format({}), '\u001b')
  t.match(format({}, true), '\u001b[32mINFO \u001b[0m ready')
})
