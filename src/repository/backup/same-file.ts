import { recordDevice, recordIno } from '../../host/stat-record.js'

/** Whether two stat records are of one file. */
export function isSameFile(record: Buffer, other: Buffer): boolean {
  return recordIno(record) === recordIno(other) && recordDevice(record) === recordDevice(other)
}
