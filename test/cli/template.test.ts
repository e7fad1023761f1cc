import t from 'tap'
import { parseTemplate, renderTemplate } from '../../src/cli/template.js'

const row = {
  Name: 'db',
  Size: '',
  Mounts: 2,
  Driver: 'vfs',
  SizeBytes: undefined,
  Options: { size: '10G', 'x-y': 'z' },
}
const fields = Object.keys(row)
const render = (text: string) => renderTemplate(parseTemplate(text, fields), row)

const rendered: readonly (readonly [template: string, text: string])[] = [
  ['{{.Name}}', 'db'],
  ['{{ .Name }}', 'db'],
  ['{{.Name}}: {{.Mounts}} × {{.Driver}}!', 'db: 2 × vfs!'],
  [String.raw`{{.Name}}\t{{.Driver}}\n`, 'db\tvfs\n'],
  ['{{upper .Driver}} {{lower .Driver}}', 'VFS vfs'],
  ['{{.Driver | upper}}', 'VFS'],
  ['{{.Driver | upper | lower}}', 'vfs'],
  ['{{.Options.size}}/{{.Options.x-y}}/{{.Options.none}}', '10G/z/'],
  ['{{.SizeBytes}}', ''],
  ['{{json .Name}} {{json .Mounts}} {{json .SizeBytes}}', '"db" 2 null'],
  ['{{json .Options}}', '{"size":"10G","x-y":"z"}'],
  ['{{.Options}}', '{"size":"10G","x-y":"z"}'],
  ['{{json .}}', JSON.stringify(row)],
  ['no } braces }} here', 'no } braces }} here'],
]

for (const [template, text] of rendered)
  t.test(`a template is filled in: ${template}`, async (t) => {
    t.equal(render(template), text)
  })

const refused: readonly (readonly [template: string, sentence: RegExp])[] = [
  ['{{.Nmae}}', /no field \.Nmae here.*did you mean \.Name\?.*\.Driver/],
  ['{{.constructor}}', /no field/],
  ['{{title .Name}}', /nothing that a template here can do.*json, upper and lower/],
  ['{{constructor .Name}}', /nothing that a template/],
  ['{{.Name | }}', /nothing that a template/],
  ['{{if .Name}}x{{end}}', /nothing that a template/],
  ['{{range .Options}}', /nothing that a template/],
  ['{{}}', /nothing that a template/],
  ['{{Name}}', /nothing that a template/],
  ['{{.Name.}}', /nothing that a template/],
  ['{{.Name', /"\{\{" without "\}\}"/],
]

for (const [template, sentence] of refused)
  t.test(`a template that cannot be filled in is refused: ${template}`, async (t) => {
    t.throws(() => parseTemplate(template, fields), { code: 'invalid-argument' })
    try {
      parseTemplate(template, fields)
    } catch (thrown) {
      t.match((thrown as { sentence: string }).sentence, sentence)
    }
  })

t.test('a value cannot command the terminal, nor begin a line of its own', async (t) => {
  const hostile = { Name: 'a\u001b[2J\nb', Options: {} }
  const pieces = parseTemplate('{{.Name}}', ['Name'])
  t.equal(renderTemplate(pieces, hostile), 'a?[2J b')
})

t.test('the fields of an object are its own', async (t) => {
  t.equal(render('{{.Options.constructor}}{{.Options.__proto__}}'), '')
})
