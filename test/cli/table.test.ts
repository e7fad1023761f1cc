import stringWidth from 'string-width'
import t from 'tap'
import { formatTable, type TableColumn } from '../../src/cli/table.js'

const columns: readonly TableColumn[] = [
  { heading: 'NAME', least: 8 },
  { heading: 'STATE', importance: 2, colourOf: (text) => (text === 'attached' ? 'green' : undefined) },
  { heading: 'CREATED', importance: 1 },
]
const rows = [
  ['db', 'attached', '2 hours ago'],
  ['a-rather-long-name-of-a-volume', 'ready', '3 weeks ago'],
]
const wide = { columns: undefined, hasColour: false }
const lines = (text: string) => text.split('\n').slice(0, -1)

t.test('columns are as wide as their widest cell, and no line ends with spaces', async (t) => {
  t.equal(
    await formatTable(columns, rows, wide),
    [
      'NAME                            STATE     CREATED',
      'db                              attached  2 hours ago',
      'a-rather-long-name-of-a-volume  ready     3 weeks ago',
      '',
    ].join('\n'),
  )
})

t.test('no rows leave the headings', async (t) => {
  t.equal(await formatTable(columns, [], wide), 'NAME  STATE  CREATED\n')
})

t.test('a line is never wider than the screen, as long as a word has room', async (t) => {
  for (let width = 18; width <= 80; width++) {
    const text = await formatTable(columns, rows, { columns: width, hasColour: false })
    for (const line of lines(text)) t.ok(line.length <= width, `${width}: ${line}`)
    t.match(text, /^db /m)
  }
})

t.test('a name is cut only as far as it must be', async (t) => {
  const [, , exact] = lines(await formatTable(columns, rows, { columns: 53, hasColour: false }))
  t.match(exact, /^a-rather-long-name-of-a-volume {2}ready/)
  const [, , cut] = lines(await formatTable(columns, rows, { columns: 52, hasColour: false }))
  t.match(cut, /^a-rather-long-name-of-a-volu… {2}ready {5}3 weeks ago$/)
  const [, short] = lines(await formatTable(columns, rows, { columns: 40, hasColour: false }))
  t.match(short, /^db {2,}attached/, 'a short one stays whole')
})

t.test('what matters least goes first', async (t) => {
  const [narrow] = lines(await formatTable(columns, rows, { columns: 20, hasColour: false }))
  t.match(narrow, /^NAME +STATE$/)
  const [narrowest] = lines(await formatTable(columns, rows, { columns: 12, hasColour: false }))
  t.equal(narrowest, 'NAME')
})

t.test('wide characters take two columns, and are not cut in half', async (t) => {
  const texts = [
    ['日本語の名前のボリューム', 'attached', 'x'],
    ['e\u0301té', 'ready', 'y'],
  ]
  const text = await formatTable(columns, texts, wide)
  const starts = lines(text).map((line) => stringWidth(line.slice(0, line.search(/STATE|attached|ready/))))
  t.same(starts, [26, 26, 26])
  const [, cut = ''] = lines(await formatTable(columns, texts, { columns: 28, hasColour: false }))
  t.ok(stringWidth(cut) <= 28)
  t.match(cut, /^日本語の… {2}attached {2}x$/)
})

t.test('colours are there when the screen has them, and do not move anything', async (t) => {
  const plain = await formatTable(columns, rows, { columns: 40, hasColour: false })
  const coloured = await formatTable(columns, rows, { columns: 40, hasColour: true })
  t.notMatch(plain, '\u001b')
  t.match(coloured, '\u001b[32mattached\u001b[39m')
  t.equal(coloured.replaceAll(/\u001b\[\d+m/g, ''), plain)
})
