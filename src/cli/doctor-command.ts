import type { Command } from 'commander'
import type { Deed, Doctor } from '../doctor/doctor.js'
import { ConvoyError, toConvoyError } from '../errors.js'
import { exitCodeOf, printExamination } from './doctor-report.js'
import type { Session } from './session.js'
import { oneLine, printJson, printLine } from './terminal.js'

interface DoctorFlags {
  readonly fix?: boolean
  readonly reviveContainers?: boolean
  readonly dryRun?: boolean
  readonly json?: boolean
}

/** A daemon that is well answers at once. */
export const doctorTimeoutMs = 10_000

const help = `
Exit code: 0 nothing is wrong (there may be notices), 1 something will go wrong, 2 volumes do not work.
Findings end with the command that mends them. --fix runs those by which nothing can be lost: it removes a dead socket of
Convoy, sets aside a dead spec file of Convoy, writes a missing one, and makes Docker find the plugin.
--revive-containers starts containers with a restart policy that Docker left behind because a mount failed, one by one.`

export function addDoctorCommand(program: Command, session: Session): void {
  const command = program
    .command('doctor')
    .description('look for what is wrong with the daemon, Docker and this host, and say what mends it')
    .option('--fix', 'run the commands by which nothing can be lost, and look again')
    .option('--revive-containers', 'start the containers that a failed mount left behind, and look again')
    .option('-n, --dry-run', 'only say what --fix or --revive-containers would run')
    .option('--json', 'one JSON document')
    .addHelpText('after', help)
    .action((flags: DoctorFlags) => examine(session, flags))
  session.addressPeople(command)
}

async function examine(session: Session, flags: DoctorFlags): Promise<void> {
  const { terminal, environment, globals } = session
  const acts = flags.fix === true || flags.reviveContainers === true
  if (flags.dryRun === true && !acts) {
    throw new ConvoyError(
      'invalid-argument',
      '--dry-run says what --fix or --revive-containers would run: give one of them',
    )
  }
  const doctor = await environment.openDoctor(session.clientWithin(doctorTimeoutMs), globals)
  const deeds: Deed[] = []
  const tell = (deed: Deed) => {
    deeds.push(deed)
    if (flags.json !== true) printLine(terminal, oneLine(describeDeed(deed, flags.dryRun === true)))
  }
  if (acts) await act(doctor, flags, tell)
  const found = await doctor.describe()
  if (flags.json === true) printJson(terminal, { ...(acts ? { deeds } : {}), ...found })
  else printExamination(terminal, found, globals.verbose === true)
  session.finish(exitCodeOf(found))
}

async function act(doctor: Doctor, flags: DoctorFlags, tell: (deed: Deed) => void): Promise<void> {
  if (flags.fix === true) await doctor.mend(flags.dryRun === true ? 'plan' : 'run', tell)
  if (flags.reviveContainers !== true) return
  try {
    await doctor.revive(flags.dryRun === true ? 'plan' : 'run', tell)
  } catch (thrown) {
    tell({ command: 'sudo docker start', error: toConvoyError(thrown).sentence })
  }
}

function describeDeed({ command, error }: Deed, isPlan: boolean): string {
  if (error !== undefined) return `failed: ${command}: ${error}`
  return isPlan ? `would run: ${command}` : `done: ${command}`
}
