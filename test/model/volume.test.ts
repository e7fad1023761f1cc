import t from 'tap'
import { isListed, type Volume, type VolumeState } from '../../src/model/volume.js'
import { parseVolumeName } from '../../src/model/volume-name.js'

const listed: Readonly<Record<VolumeState, boolean>> = {
  creating: false,
  ready: true,
  attaching: true,
  attached: true,
  detaching: true,
  forgetting: false,
  trashing: false,
  forgotten: false,
  reviving: false,
  undeleting: false,
  renaming: false,
}

for (const [state, isSeen] of Object.entries(listed))
  t.test(`Docker ${isSeen ? 'sees' : 'does not see'} a volume that is ${state}`, async (t) => {
    const volume: Volume = {
      name: parseVolumeName('db'),
      id: '1',
      attributes: {},
      driver: 'vfs',
      // A key of the record above.
      state: state as VolumeState,
      createdAt: '2026-11-20T07:29:55Z',
      options: {},
      origin: 'created',
    }
    t.equal(isListed(volume), isSeen)
  })
