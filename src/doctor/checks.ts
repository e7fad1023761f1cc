import type { Check } from './check.js'
import { activation } from './checks/activation.js'
import { clockRight } from './checks/clock-right.js'
import { configurationHeeded } from './checks/configuration-heeded.js'
import { daemonAnswers } from './checks/daemon-answers.js'
import { databaseUsable } from './checks/database-usable.js'
import { deadMounts } from './checks/dead-mounts.js'
import { deadPlugins } from './checks/dead-plugins.js'
import { enoughSpace } from './checks/disk-space.js'
import { dockerAnswers } from './checks/docker-answers.js'
import { failedContainers } from './checks/failed-containers.js'
import { forgottenData, trashedData } from './checks/kept-data.js'
import { disksNeeded } from './checks/disks-needed.js'
import { mountsVisible } from './checks/mounts-visible.js'
import { pluginSocket } from './checks/plugin-socket.js'
import { shadowedVolumes } from './checks/shadowed-volumes.js'
import { storageRead } from './checks/storage-read.js'

/** What `convoy doctor` looks at, in the order in which it tells of it. */
export const checks: readonly Check[] = [
  daemonAnswers,
  configurationHeeded,
  databaseUsable,
  storageRead,
  pluginSocket,
  mountsVisible,
  dockerAnswers,
  activation,
  deadPlugins,
  shadowedVolumes,
  failedContainers,
  deadMounts,
  enoughSpace,
  trashedData,
  forgottenData,
  disksNeeded,
  clockRight,
]
