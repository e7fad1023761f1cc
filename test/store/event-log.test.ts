import t from 'tap'
import { type ConvoyEvent, eventAt } from '../../src/model/event.js'
import { Ledger } from '../../src/store/ledger.js'
import { MemoryDatabase } from './memory-database.js'
import { emptyContents, putVolume } from './rows.js'

const told = (volume: string) => ({ put: 'event', row: eventAt(new Date(0), 'volume.create', { volume }) }) as const

function open(lastEventId = 0) {
  const database = new MemoryDatabase()
  const ledger = new Ledger(database, { ...emptyContents, lastEventId }, setImmediate)
  const heard: ConvoyEvent[] = []
  ledger.events.listen((events) => heard.push(...events))
  const names = () => heard.map(({ id, volume }) => `${id} ${volume ?? ''}`)
  const kept = () => database.events.all.map(({ id, volume }) => `${id} ${volume ?? ''}`)
  return { database, ledger, names, kept }
}

t.test('an event is told once it is durable, and not before', async (t) => {
  const { database, ledger, names } = open(41)
  const release = database.hold()
  const committed = ledger.commit('create-done', putVolume('db'), told('db'))
  ledger.commitLater('create-done', putVolume('later'), told('later'))
  await new Promise(setImmediate)
  t.strictSame(names(), [])
  t.equal(ledger.events.lastId, 41)
  release()
  await committed
  await ledger.settle()
  t.strictSame(names(), ['42 db', '43 later'])
  t.equal(ledger.events.lastId, 43)
})

t.test('an event whose change was refused is never told, and takes no change with it', async (t) => {
  const { database, ledger, names, kept } = open()
  database.refuses = ({ writes }) =>
    writes.some((write) => 'put' in write && write.put === 'volume' && write.row.name.startsWith('bad'))
  const outcomes = await Promise.allSettled(
    ['a', 'bad', 'c'].map((name) => ledger.commit('create-done', putVolume(name), told(name))),
  )
  t.strictSame(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  t.strictSame(names(), ['1 a', '3 c'])
  t.strictSame(kept(), names(), 'what is told is what is kept')
  await Promise.allSettled(['d', 'bad'].map((name) => ledger.commit('create-done', putVolume(name), told(name))))
  t.equal(ledger.events.lastId, 4, 'nobody waits for one that is not told')
})

t.test(
  'DB05: an event that could not be saved comes later, with an id above those that were told before',
  async (t) => {
    const { database, ledger, names, kept } = open()
    database.refuses = ({ writes }) =>
      writes.some((write) => 'put' in write && write.put === 'volume' && write.row.name === 'late')
    ledger.commitLater('create-done', putVolume('late'), told('late'))
    await ledger.commit('create-done', putVolume('early'), told('early'))
    t.strictSame(names(), ['2 early'])
    database.refuses = () => false
    await ledger.commit('create-done', putVolume('next'), told('next'))
    t.strictSame(names(), ['2 early', '3 late', '4 next'])
    t.strictSame(kept(), names())
  },
)

t.test('an event goes with its change when a later one has replaced all of that', async (t) => {
  const { database, ledger, names } = open()
  database.refuses = ({ step }) => step === 'unmount'
  ledger.commitLater('unmount', putVolume('db', { state: 'ready' }), told('old'))
  ledger.commitLater('unmount', putVolume('db', { state: 'ready' }), putVolume('other'), told('half'))
  ledger.commitLater('unmount', told('alone'))
  await ledger.commit('mount', putVolume('db', { state: 'attached' }), told('new'))
  database.refuses = () => false
  await ledger.settle()
  t.strictSame(
    names().map((one) => one.split(' ')[1]),
    ['new', 'half', 'alone'],
  )
})

t.test('events change nothing that is derived from the ledger', async (t) => {
  const { ledger } = open()
  const { revision } = ledger
  await ledger.commit('event', told('db'))
  ledger.commitLater('event', told('db'))
  t.equal(ledger.revision, revision)
})

t.test('who stops listening is told nothing more', async (t) => {
  const { ledger } = open()
  const heard: number[] = []
  const stop = ledger.events.listen((events) => heard.push(events.length))
  await ledger.commit('event', told('a'))
  stop()
  await ledger.commit('event', told('b'))
  t.strictSame(heard, [1])
})
