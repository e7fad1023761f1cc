import t from 'tap'
import { codeOf, ConvoyError, isErrno, isRefusalOfSystem } from '../src/errors.js'

const unnamed = (number: number) =>
  Object.assign(new Error('it failed'), { code: `Unknown system error -${number}`, errno: -number })

t.test('errors of Linux that Node has no name for are told apart all the same', (t) => {
  t.equal(codeOf(unnamed(116)), 'ESTALE')
  t.ok(isErrno(unnamed(122), 'EDQUOT'))
  t.equal(codeOf(unnamed(99_999)), 'Unknown system error -99999')
  t.equal(codeOf(new Error('without a code')), '')
  t.end()
})

t.test('what the system refuses is told from what did not answer', (t) => {
  const because = (cause: unknown) => new ConvoyError('unavailable', 'it failed', { cause })
  t.ok(isRefusalOfSystem(because(unnamed(116))))
  t.notOk(isRefusalOfSystem(because(because(undefined))))
  t.notOk(isRefusalOfSystem(because(undefined)))
  t.end()
})
