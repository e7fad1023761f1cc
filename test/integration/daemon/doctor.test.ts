import t from 'tap'
import { convoy } from '../../daemon/convoy-command.js'
import { DaemonProcess, mainProgram } from '../../daemon/daemon-process.js'
import { eventually } from '../../engine/polling.js'
import { SmallDisk } from '../small-disk.js'
import { needs } from './daemon-on-disk.js'

interface Finding {
  readonly check: string
  readonly severity: string
  readonly what: string
  readonly mend: { readonly command: string }
}

const parse = (out: string) => (JSON.parse(out) as { readonly findings: readonly Finding[] }).findings

t.test('a disk that deleted volumes fill is an error, and emptying the trash mends it', needs, async (t) => {
  const daemon = new DaemonProcess(t)
  const disk = await SmallDisk.ext4(t, daemon.volumes, { mebibytes: 64 })
  await daemon.start({ launch: [...disk.inside, process.execPath, mainProgram] })
  const program = [process.execPath, mainProgram, '--socket', daemon.controlSocket]
  const clean = ['env', '-i', `PATH=${process.env['PATH'] ?? ''}`]
  const space = () => {
    const out = disk.run(...clean, 'sh', '-c', '"$@" || true', 'sh', ...program, 'doctor', '--json')
    return parse(out).filter(({ check, what }) => check === 'space' && what.includes(daemon.volumes))
  }
  t.same(space(), [])
  await daemon.control('POST', '/v1/volumes', { name: 'big' })
  disk.run('dd', 'if=/dev/zero', `of=${daemon.volume('big', 'file')}`, 'bs=1M', 'status=none', 'count=48')
  disk.fill()
  t.match(space(), [{ severity: 'error', mend: { command: /^sudo du / } }])
  await daemon.control('DELETE', '/v1/volumes/big')
  const [finding] = space()
  const words = finding?.mend.command.split(' ') ?? []
  t.same(words.slice(0, 2), ['sudo', 'convoy'])
  t.match(await convoy([...words.slice(2), '--yes']), { code: 0 })
  await eventually('there is space', () => space().length === 0)
})

t.test('a daemon in a mount namespace of its own is an error', needs, async (t) => {
  const daemon = new DaemonProcess(t)
  const unshared = ['unshare', '--mount', '--propagation', 'private']
  await daemon.start({ launch: [...unshared, process.execPath, mainProgram] })
  const { out } = await convoy(['--socket', daemon.controlSocket, 'doctor', '--json'])
  t.match(
    parse(out).find(({ check }) => check === 'propagation'),
    { severity: 'error', what: /does not reach Docker/ },
  )
})
