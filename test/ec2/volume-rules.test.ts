import t from 'tap'
import type { CreateVolumeRequest } from './records.js'
import { volumeFigures } from './volume-rules.js'

const refusedCases: readonly (readonly [request: CreateVolumeRequest, code: string])[] = [
  [{ type: 'gp3' }, 'MissingParameter'],
  [{ type: 'gp3', sizeGib: 0 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 16_385 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 100, iops: 2999 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 100, iops: 16_001 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 7, iops: 3501 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 100, throughput: 124 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 100, throughput: 1001, iops: 16_000 }, 'InvalidParameterValue'],
  [{ type: 'gp3', sizeGib: 100, throughput: 751 }, 'InvalidParameterValue'],
  [{ type: 'gp2', sizeGib: 100, iops: 300 }, 'InvalidParameterCombination'],
  [{ type: 'gp2', sizeGib: 100, throughput: 125 }, 'InvalidParameterCombination'],
  [{ type: 'io1', sizeGib: 100 }, 'MissingParameter'],
  [{ type: 'io1', sizeGib: 3, iops: 100 }, 'InvalidParameterValue'],
  [{ type: 'io1', sizeGib: 100, iops: 99 }, 'InvalidParameterValue'],
  [{ type: 'io1', sizeGib: 100, iops: 5001 }, 'InvalidParameterValue'],
  [{ type: 'io1', sizeGib: 16_384, iops: 64_001 }, 'InvalidParameterValue'],
  [{ type: 'io2', sizeGib: 4, iops: 4001 }, 'InvalidParameterValue'],
  [{ type: 'io2', sizeGib: 1000, iops: 256_001 }, 'InvalidParameterValue'],
  [{ type: 'io2', sizeGib: 100, iops: 100, throughput: 125 }, 'InvalidParameterCombination'],
  [{ type: 'st1', sizeGib: 124 }, 'InvalidParameterValue'],
  [{ type: 'sc1', sizeGib: 124 }, 'InvalidParameterValue'],
  [{ type: 'standard', sizeGib: 1025 }, 'InvalidParameterValue'],
  [{ type: 'gp4', sizeGib: 1 }, 'UnknownVolumeType'],
  [{ type: 'gp3', sizeGib: 1, kmsKeyId: 'key' }, 'InvalidParameterDependency'],
  [{ type: 'gp3', sizeGib: 1, isMultiAttach: true }, 'InvalidParameterCombination'],
  [{ type: 'gp3', sizeGib: 1, clientToken: 'x'.repeat(65) }, 'InvalidParameterValue'],
]

t.test('sizes and figures beyond what a type may have are refused', async (t) => {
  for (const [request, code] of refusedCases)
    t.throws(() => volumeFigures(request, undefined), { code }, JSON.stringify(request))
})

t.test('what lies on the border is not', async (t) => {
  const cases: readonly CreateVolumeRequest[] = [
    { type: 'gp3', sizeGib: 16_384, iops: 16_000, throughput: 1000 },
    { type: 'gp3', sizeGib: 1, iops: 3000, throughput: 750 },
    { type: 'gp3', sizeGib: 8, iops: 4000 },
    { type: 'io1', sizeGib: 4, iops: 200 },
    { type: 'io2', sizeGib: 256, iops: 256_000, isMultiAttach: true },
    { type: 'st1', sizeGib: 125 },
  ]
  for (const request of cases) t.match(volumeFigures(request, undefined), { sizeGib: request.sizeGib })
})

t.test('what a request does not say is as EC2 has it', async (t) => {
  t.match(volumeFigures({ sizeGib: 50 }, undefined), { type: 'gp2', iops: 150, throughput: undefined })
  t.match(volumeFigures({ sizeGib: 50, type: 'gp3' }, undefined), { iops: 3000, throughput: 125 })
  const snapshot = { id: 'snap-1', sizeGib: 9, isEncrypted: false }
  t.match(volumeFigures({ type: 'gp3' }, snapshot), { sizeGib: 9 })
  t.throws(() => volumeFigures({ type: 'gp3', sizeGib: 8 }, snapshot), { code: 'InvalidParameterValue' })
})
