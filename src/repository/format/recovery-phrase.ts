import { entropyToMnemonic, mnemonicToEntropy } from '@scure/bip39'
import { wordlist } from '@scure/bip39/wordlists/english.js'
import { ConvoyError } from '../../errors.js'

const wordCount = 24

/** The 24 words of BIP-39 for the 32 bytes of a key, to be kept on paper. */
export function formatRecoveryPhrase(key: Buffer): string {
  return entropyToMnemonic(key, wordlist)
}

/** The key of a phrase; ConvoyError `invalid-argument`, which says what is wrong with it and never what it is. */
export function parseRecoveryPhrase(text: string): Buffer {
  const words = text.normalize('NFKD').toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length !== wordCount) throw refuse(`it has ${words.length} words and not ${wordCount}`)
  const unknown = words.findIndex((word) => !wordlist.includes(word))
  if (unknown >= 0) throw refuse(`word ${unknown + 1} is none of the list`)
  try {
    return Buffer.from(mnemonicToEntropy(words.join(' '), wordlist))
  } catch {
    // What the library says may repeat the words.
    throw refuse('its last word does not fit the others')
  }
}

function refuse(reason: string): ConvoyError {
  return new ConvoyError('invalid-argument', `this is no recovery phrase: ${reason}`, {
    hint: 'type the words as they were printed, in their order',
  })
}
