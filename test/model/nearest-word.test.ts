import t from 'tap'
import { findNearestWord } from '../../src/model/nearest-word.js'

const known = ['jobs', 'log', 'log-level', 'trash-retention', 'root', 'vfs']

t.test('a word with a letter too many, too few, wrong or swapped is recognised', async (t) => {
  for (const [word, meant] of [
    ['job', 'jobs'],
    ['jobss', 'jobs'],
    ['jbos', 'jobs'],
    ['rooo', 'root'],
    ['LOG-LEVEL', 'log-level'],
    ['loglevel', 'log-level'],
    ['trash_retension', 'trash-retention'],
    ['vfx', 'vfs'],
  ] as const)
    t.equal(findNearestWord(word, known), meant, word)
})

t.test('of several the nearest is meant', async (t) => {
  t.equal(findNearestWord('log-leve', ['log-lever-arm', 'log-level']), 'log-level')
})

t.test('what is like none of them is like none of them', async (t) => {
  for (const word of ['', 'x', 'volumes', 'retention', '__proto__', 'x'.repeat(10_000)])
    t.equal(findNearestWord(word, known), undefined, word.slice(0, 20))
})
