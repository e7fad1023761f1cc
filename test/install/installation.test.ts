import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { Installation } from '../../src/install/installation.js'
import { layoutAt } from '../../src/install/layout.js'
import { Source } from '../../src/install/source.js'

const layout = layoutAt('/usr/local')
const unit = '/etc/systemd/system/convoy.service'

/** A program of one file, built. */
class SmallSource extends Source {
  override copyTo(directory: string): void {
    mkdirSync(join(directory, 'build/program'), { recursive: true })
    writeFileSync(join(directory, 'build/program/convoy.cjs'), this.read('build/program/convoy.cjs'))
  }
}

function hostOf(t: Test) {
  const destination = t.testdir()
  const at = (path: string) => join(destination, path)
  const source = (text: string) => {
    const root = join(destination, 'source', text)
    mkdirSync(join(root, 'build/program'), { recursive: true })
    writeFileSync(join(root, 'package.json'), '{"version":"1.0.0"}')
    writeFileSync(join(root, 'build/program/convoy.cjs'), text)
    return new SmallSource(root)
  }
  const open = () => new Installation({ layout, destination })
  const install = (text: string, content = `unit of ${text}`) => {
    const steps = open().install(source(text), [{ path: unit, content }])
    for (const { act } of steps) act()
    return steps.map(({ verb }) => verb).join(' ')
  }
  const running = () =>
    readFileSync(join(at(readlinkSync(at(join(layout.library, 'current')))), 'build/program/convoy.cjs'), 'utf8')
  return { at, source, open, install, running }
}

t.test('an installation is a release, links to it, and files; done again it does nothing', async (t) => {
  const host = hostOf(t)
  t.notOk(host.open().isThere)
  t.equal(host.install('one'), 'write install write link link write')
  t.ok(host.open().isThere)
  t.equal(host.running(), 'one')
  t.equal(readlinkSync(host.at(layout.command)), layout.program)
  t.equal(readFileSync(host.at(unit), 'utf8'), 'unit of one')
  t.equal(host.install('one'), 'write write', 'only what is noted')
})

t.test('an upgrade replaces what was written, and keeps the release before for whoever still runs it', async (t) => {
  const host = hostOf(t)
  for (const text of ['one', 'two', 'three']) host.install(text)
  t.equal(host.running(), 'three')
  t.equal(readFileSync(host.at(unit), 'utf8'), 'unit of three')
  const releases = readdirSync(host.at(layout.library)).filter((name) => name.startsWith('1.0.0-'))
  t.equal(releases.length, 2, 'one before')
})

t.test('what somebody changed by hand stays, at an upgrade and at the end', async (t) => {
  const host = hostOf(t)
  host.install('one')
  writeFileSync(host.at(unit), 'mine')
  t.match(host.install('two'), 'keep')
  t.equal(readFileSync(host.at(unit), 'utf8'), 'mine')
  t.match(host.install('three'), 'keep', 'for good')
  for (const { act } of host.open().uninstall()) act()
  t.equal(readFileSync(host.at(unit), 'utf8'), 'mine')
  t.notOk(existsSync(host.at(layout.library)))
})

t.test('what was there before us is a conflict, and nothing else is', async (t) => {
  const host = hostOf(t)
  const files = [{ path: unit, content: 'ours' }]
  t.strictSame(host.open().conflicts(files), [])
  for (const path of [unit, layout.command]) {
    mkdirSync(dirname(host.at(path)), { recursive: true })
    writeFileSync(host.at(path), 'of somebody else')
  }
  t.strictSame(host.open().conflicts(files), [layout.command, unit])
  writeFileSync(host.at(unit), 'ours')
  t.strictSame(host.open().conflicts(files), [layout.command], 'the same content is no conflict')
})

t.test('a link of that name to another program is a conflict too', async (t) => {
  const host = hostOf(t)
  mkdirSync(dirname(host.at(layout.command)), { recursive: true })
  symlinkSync('/opt/rancher/convoy', host.at(layout.command))
  t.strictSame(host.open().conflicts([]), [layout.command])
})

t.test(
  'an installation that was cut short after any step is completed by the next, also of another release',
  async (t) => {
    for (const next of ['two', 'three']) {
      for (let done = 0; done < 6; done++) {
        const host = hostOf(t)
        host.install('one')
        const steps = host.open().install(host.source('two'), [{ path: unit, content: 'unit of two' }])
        for (const { act } of steps.slice(0, done)) act()
        t.strictSame(host.open().conflicts([{ path: unit, content: `unit of ${next}` }]), [], `after ${done} steps`)
        t.notMatch(host.install(next), 'keep')
        t.same([host.running(), readFileSync(host.at(unit), 'utf8')], [next, `unit of ${next}`])
      }
    }
  },
)

t.test(
  'an uninstallation that was cut short after any step is completed by the next, or undone by an installation',
  async (t) => {
    for (const next of ['uninstall', 'install'] as const) {
      for (let done = 0; done < 5; done++) {
        const host = hostOf(t)
        host.install('one')
        host.install('two')
        const steps = host.open().uninstall()
        for (const { act } of steps.slice(0, done)) act()
        if (next === 'install') t.notMatch(host.install('one'), 'keep', `after ${done} of ${steps.length} steps`)
        else for (const { act } of host.open().uninstall()) act()
        t.equal(existsSync(host.at(layout.library)), next === 'install')
        t.equal(existsSync(host.at(unit)), next === 'install')
        if (next === 'install') t.equal(host.running(), 'one')
      }
    }
  },
)

t.test('what a removal that was killed has left is no release, and goes with the next one', async (t) => {
  const host = hostOf(t)
  host.install('one')
  const [release = ''] = readdirSync(host.at(layout.library)).filter((name) => name.startsWith('1.0.0-'))
  for (const text of ['two', 'three']) host.install(text)
  mkdirSync(host.at(join(layout.library, `${release}.partial`, 'build')), { recursive: true })
  host.install('one')
  t.equal(host.running(), 'one')
  t.notMatch(readdirSync(host.at(layout.library)).join(' '), 'partial')
})

t.test('where something could not be written, it is said before anything is', async (t) => {
  const host = hostOf(t)
  mkdirSync(dirname(host.at(layout.units)), { recursive: true })
  writeFileSync(host.at(layout.units), 'no directory')
  t.throws(() => host.open().checkWritable([{ path: unit, content: 'ours' }]), { code: 'ENOTDIR' })
  t.doesNotThrow(() => host.open().checkWritable([]))
})

t.test('a copy that was cut short is no release', async (t) => {
  const host = hostOf(t)
  host.install('one')
  const broken = host.source('two')
  broken.copyTo = (directory) => {
    mkdirSync(directory, { recursive: true })
    throw new Error('no space')
  }
  t.throws(() => {
    for (const { act } of host.open().install(broken, [])) act()
  })
  t.equal(host.running(), 'one')
  host.install('two')
  t.equal(host.running(), 'two')
})
