import t from 'tap'
import { parseAccessPoint, parseFileSystemId } from '../../../src/drivers/vfs/efs-file-system.js'
import { parseShare, sourceOf } from '../../../src/drivers/vfs/share.js'
import type { Attributes } from '../../../src/model/volume.js'

const efs = 'fs-0123456789abcdef0'
const accesspoint = 'fsap-0123456789abcdef0'
const parse = (more: Attributes = {}) => parseShare({ efs, ...more })

t.test('a file system, and each access point of it, is a share of its own', (t) => {
  const [plain, own, inOptions] = [
    parse(),
    parse({ accesspoint }),
    parse({ mountoptions: `tls,accesspoint=${accesspoint}` }),
  ]
  t.match(plain, { source: `${efs}:/`, server: efs, where: { efs }, efs: { fileSystem: efs, tls: false } })
  t.match(own, { source: `${efs}/${accesspoint}:/`, efs: { accessPoint: accesspoint, tls: true } })
  t.equal(inOptions?.source, own?.source)
  t.equal(inOptions?.id, own?.id, 'however it was said')
  t.not(plain?.id, own?.id)
  t.same(inOptions?.where, { efs, accesspoint, mountoptions: 'tls' })
  for (const share of [plain, own, inOptions]) {
    t.equal(parseShare(share?.where ?? {})?.id, share?.id, 'its attributes lead to it again')
    t.equal(sourceOf(share?.where ?? {}), share?.source)
  }
  t.end()
})

t.test('access points and iam imply TLS, which the mount helper is told', (t) => {
  t.notMatch(parse()?.options, ['tls'])
  t.same(parse({ mountoptions: 'iam' })?.options.slice(-2), ['iam', 'tls'])
  t.same(parse({ accesspoint, mountoptions: 'iam,tls' })?.options.slice(-3), [
    'iam',
    'tls',
    `accesspoint=${accesspoint}`,
  ])
  t.same(parse({ mountoptions: 'notls,soft' })?.options.slice(-1), ['soft'])
  t.end()
})

t.test('what cannot be is refused before anybody is asked', (t) => {
  const refusals: readonly (readonly [Attributes, RegExp])[] = [
    [{ efs: 'fs-01234567/x' }, /not an EFS file system/],
    [{ efs: 'FS-0123456789abcdef0' }, /not an EFS file system/],
    [{ accesspoint: 'fsap-x' }, /not an EFS access point/],
    [{ share: 'nas:/a' }, /exclude/],
    [{ mountoptions: 'iam,notls' }, /notls does not go/],
    [{ mountoptions: 'notls', accesspoint }, /notls does not go/],
    [{ accesspoint, mountoptions: 'accesspoint=fsap-00000000000000000' }, /several access points/],
    [{ mountoptions: 'az=eu-west-1a' }, /mount helper/],
    [{ mountoptions: 'nfsvers=3' }, /value/],
  ]
  for (const [more, message] of refusals) {
    t.throws(() => parse(more), { code: 'invalid-argument', message }, JSON.stringify(more))
  }
  for (const text of ['', 'fs-', 'fs-0123456g', `${efs} `, `${efs}:/`]) t.throws(() => parseFileSystemId(text))
  t.equal(parseAccessPoint('auto'), 'auto')
  t.throws(() => parseAccessPoint('automatic'))
  t.end()
})

t.test('the mount table shows an address or the DNS name without TLS, the proxy with it, and never the other', (t) => {
  const direct = ['10.0.0.4:/', 'fd00::5:/', '[fd00::5]:/', `${efs}.efs.eu-west-1.amazonaws.com:/`]
  const proxied = ['127.0.0.1:/', '127.0.0.2:/', '::1:/', 'localhost:/']
  const foreign = ['nas:/', '10.0.0.4:/export', 'fs-fffffffffffffffff.efs.eu-west-1.amazonaws.com:/', '127.0.0.1:/x']
  const isShown = (mountoptions: string, source: string) => parse({ mountoptions })?.efs?.shownAs.test(source)
  for (const source of direct) t.same([isShown('', source), isShown('tls', source)], [true, false], source)
  for (const source of proxied) t.same([isShown('', source), isShown('tls', source)], [false, true], source)
  for (const source of foreign) t.same([isShown('', source), isShown('tls', source)], [false, false], source)
  const servers = parse()?.efs?.servers
  for (const source of [...direct, ...proxied]) t.ok(servers?.test(source.slice(0, -2)), source)
  t.notOk(servers?.test('nas'))
  t.end()
})
