import t from 'tap'
import { oneLine, printFailure } from '../../src/cli/terminal.js'
import { ConvoyError } from '../../src/errors.js'

t.test('text from elsewhere stays on one line and cannot command the terminal', async (t) => {
  t.equal(oneLine('a\r\n  b\tc'), 'a b c')
  t.equal(oneLine('\u001b]0;owned\u0007\u009b31m\u0000'), '?]0;owned??31m?')
  t.equal(oneLine('größer — 10 µs'), 'größer — 10 µs')
})

t.test('what is no ConvoyError is a defect of ours, and still one failure on each stream', async (t) => {
  let out = ''
  let err = ''
  const terminal = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
  t.equal(printFailure(terminal, new TypeError('x is not a function')), 1)
  t.match(JSON.parse(out), { Error: 'unexpected failure: x is not a function', Code: 'internal' })
  t.equal(err, 'convoy: unexpected failure: x is not a function\n')
})

t.test('what is damaged is a failure as every other', async (t) => {
  let out = ''
  const terminal = { out: (text: string) => (out += text), err: () => undefined }
  t.equal(printFailure(terminal, new ConvoyError('damaged', 'a chunk does not open')), 1)
  t.match(JSON.parse(out), { Error: 'a chunk does not open', Code: 'damaged' })
})

t.test('the failure of a hostile name is JSON that parses and a line that is one', async (t) => {
  let out = ''
  let err = ''
  const terminal = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
  printFailure(terminal, new ConvoyError('not-found', 'no "\u001b[2J\n"'))
  t.match(JSON.parse(out), { Error: 'no "\u001b[2J\n"' })
  t.equal(err, 'convoy: no "?[2J "\n')
})
