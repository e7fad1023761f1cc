import type { Ec2Api } from './ec2-api.js'
import { ec2CodeOf } from './ec2-errors.js'

/** Has EC2 delete the volume. One that it deletes already is no error: what it shows of it may be older. */
export async function deleteVolume(api: Ec2Api, id: string, signal: AbortSignal): Promise<void> {
  try {
    await api.deleteVolume(id, signal)
  } catch (thrown) {
    const isGoing = thrown instanceof Error && /\bdelet(?:ing|ed)\b/i.test(thrown.message)
    if (!isGoing || !/^Incorrect(?:Volume)?State$/.test(ec2CodeOf(thrown))) throw thrown
  }
}
