import t from 'tap'
import { differingOptions } from '../../../src/drivers/ebs/same-options.js'

t.test('options that say the same do not differ', async (t) => {
  t.same(differingOptions({ size: '20G', encrypted: 'yes' }, { Size: '20480M', encrypted: 'true', iops: '3000' }), [])
  t.same(differingOptions({ mkfsOptions: '-m  0', tags: 'a=1,b=2' }, { mkfsOptions: '-m 0', tags: 'b=2,a=1' }), [])
  t.same(differingOptions({ 'tag.a': '1', profile: 'gold' }, { ebs_tag_a: '1', profile: 'silver' }), [])
  t.same(differingOptions({}, { size: '1G' }), [])
})

t.test('the others are named as they are called today', async (t) => {
  t.same(differingOptions({ Size: '20G', ebstype: 'gp2', 'tag.a': '1' }, { size: '10G', 'tag.a': '2' }), [
    'size',
    'type',
    'tag.a',
  ])
})

t.test('what tags say may be nonsense: then it differs', async (t) => {
  t.same(differingOptions({ size: '20G' }, { size: 'big' }), ['size'])
  t.same(differingOptions({ size: '20G' }, { size: '20G', Size: '10G' }), [])
  t.same(differingOptions({ __proto__x: '1' }, {}), ['__proto__x'])
})
