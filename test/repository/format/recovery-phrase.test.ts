import fc from 'fast-check'
import t from 'tap'
import { formatRecoveryPhrase, parseRecoveryPhrase } from '../../../src/repository/format/recovery-phrase.js'

t.test('a phrase of 24 words gives back the key, however it is typed', async (t) => {
  const key = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
  fc.assert(fc.property(key, (key) => parseRecoveryPhrase(formatRecoveryPhrase(key)).equals(key)))
  const phrase = formatRecoveryPhrase(Buffer.alloc(32, 5))
  t.equal(phrase.split(' ').length, 24)
  t.strictSame(parseRecoveryPhrase(`\n ${phrase.toUpperCase().replaceAll(' ', '\n  ')}\t\n`), Buffer.alloc(32, 5))
})

t.test('a phrase that is wrong is refused for what is wrong with it, and not shown', async (t) => {
  const words = formatRecoveryPhrase(Buffer.alloc(32, 5)).split(' ')
  const refused = (words: readonly string[], message: string) =>
    t.throws(() => parseRecoveryPhrase(words.join(' ')), {
      code: 'invalid-argument',
      message: `this is no recovery phrase: ${message}`,
    })
  refused(words.slice(1), 'it has 23 words and not 24')
  refused([], 'it has 0 words and not 24')
  refused(words.with(2, 'secretword'), 'word 3 is none of the list')
  refused(words.with(0, words[0] === 'zoo' ? 'zone' : 'zoo'), 'its last word does not fit the others')
})

t.test('a phrase is that of BIP-39, which other programs know', async (t) => {
  const zero = `${'abandon '.repeat(23)}art`
  t.equal(formatRecoveryPhrase(Buffer.alloc(32)), zero)
  t.strictSame(parseRecoveryPhrase(zero), Buffer.alloc(32))
})
