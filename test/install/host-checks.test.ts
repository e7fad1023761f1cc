import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkSystemd, foreignCommand } from '../../src/install/host-checks.js'
import { layoutAt } from '../../src/install/layout.js'

t.test('a systemd that is missing or too old is refused, with the way without it', async (t) => {
  t.doesNotThrow(() => checkSystemd('systemd 252 (252.39-1~deb12u1)\n+PAM'))
  t.throws(() => checkSystemd('systemd 219\n'), { message: 'systemd 219 is older than 245', hint: /--no-systemd/ })
  t.throws(() => checkSystemd(undefined), { code: 'unsupported', message: /does not run here/ })
})

t.test('a program of the name that a shell finds first is foreign, unless it is ours', async (t) => {
  const directory = t.testdir({ other: {}, prefix: { bin: {}, lib: { convoy: { program: '' } } } })
  const layout = layoutAt(join(directory, 'prefix'))
  const other = join(directory, 'other/convoy')
  const path = `${directory}/other:${directory}/prefix/bin`
  t.equal(foreignCommand(layout, path), undefined)
  symlinkSync(join(layout.library, 'program'), layout.command)
  t.equal(foreignCommand(layout, path), undefined)
  symlinkSync(join(layout.library, 'program'), other)
  t.equal(foreignCommand(layout, path), undefined, 'another link to ours')
  mkdirSync(join(directory, 'first'))
  writeFileSync(join(directory, 'first/convoy'), '')
  chmodSync(join(directory, 'first/convoy'), 0o755)
  t.equal(foreignCommand(layout, `${directory}/first:${path}`), join(directory, 'first/convoy'))
})
