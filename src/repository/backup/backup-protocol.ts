import type { MessagePort } from 'node:worker_threads'
import type { ErrorCode } from '../../errors.js'
import { statRecordBytes } from '../../host/stat-record.js'

// What the main thread and the backup's worker threads tell each other. Everything crosses in packed buffers that are moved, not copied.

export const smallFileBytes = 128 * 1024
export const bundleBytes = 1024 * 1024
export const segmentBytes = 64 * 1024 * 1024
/** An id, 32 bytes, all zero for a hole, and a u32 length. */
export const extentBytes = 36
/** Files may have grown since they were looked at: a bit more than expected is still read with the batch. */
export const smallFileLimitBytes = 2 * smallFileBytes

/** A batch of small files, to be read into one bundle. */
export interface FilesTask {
  readonly kind: 'files'
  readonly id: number
  readonly count: number
  /** An open directory for each file. */
  readonly directories: Int32Array
  /** Each with a 0 byte at its end. */
  readonly names: Uint8Array
  /** The SHA-256 that each file had in the parent backup, zero where that is of no use. */
  readonly known: Uint8Array
}

/** A part of a large file that is cut into chunks by itself. */
export interface SegmentTask {
  readonly kind: 'segment'
  readonly id: number
  readonly fd: number
  readonly offset: number
  readonly length: number
  readonly averageLog2: number
  /** Whether the file takes less room than its size: holes are looked for. */
  readonly isSparse: boolean
  /** The extents that the parent backup had here. */
  readonly known: Uint8Array | undefined
}

/** Closes the open pack. */
export interface FlushTask {
  readonly kind: 'flush'
  readonly id: number
}

/** Another chunk table is used from now on: the old one was nearly full. Nothing else runs meanwhile. */
export interface TableTask {
  readonly kind: 'table'
  readonly table: SharedArrayBuffer
}

export type WorkerTask = FilesTask | SegmentTask | FlushTask | TableTask

export interface TaskDone {
  readonly kind: 'done'
  readonly id: number
  /** An answer of `fileAnswerBytes` for each file, or extents. */
  readonly result: Uint8Array
  /** Bytes of chunks that the repository did not have. */
  readonly newBytes: number
  /** Of a segment: why the system did not let it be read. 0 when it did. */
  readonly errno: number
}

export interface PackDone {
  readonly kind: 'pack'
  readonly packId: Uint8Array
  readonly salt: Uint8Array
  readonly bytes: ArrayBuffer
  readonly sizeBytes: number
  readonly entries: Uint8Array
}

export interface WorkerFailed {
  readonly kind: 'failed'
  readonly id: number
  readonly code: ErrorCode
  readonly message: string
}

export type WorkerAnswer = TaskDone | PackDone | WorkerFailed

export interface BackupWorkerData {
  readonly master: Uint8Array
  readonly repositoryId: string
  readonly table: SharedArrayBuffer
  /** See `controlWords`. */
  readonly control: SharedArrayBuffer
  /** Memory of packs that have been stored comes back here. */
  readonly buffers: MessagePort
  readonly packTargetBytes: number
  readonly compressionLevel: number
}

/** Int32 words that both threads look at while the worker is busy. */
export const controlWords = {
  /** 1: end the task under way at once. */
  stop: 0,
  /** How many packs the worker may still begin; it waits at 0. */
  packs: 1,
} as const

export const controlBytes = 2 * Int32Array.BYTES_PER_ELEMENT

/** The answer for a small file is its stat record as it was read, and this: flags, its offset in the bundle, the bundle's id, its own SHA-256. */
export const fileAnswerBytes = statRecordBytes + 72

export interface FileAnswer {
  /** As `readFilesAt` of host/posix has it. */
  readonly record: Buffer
  /** What it holds is what it was known to hold: then there is no place in a bundle. */
  readonly isKnown: boolean
  readonly offset: number
  readonly chunk: Buffer
  readonly sha256: Buffer
}

export function writeFileAnswer(into: Buffer, index: number, answer: FileAnswer): void {
  const start = index * fileAnswerBytes
  answer.record.copy(into, start)
  const rest = start + statRecordBytes
  into.writeUInt32LE(answer.isKnown ? 1 : 0, rest)
  into.writeUInt32LE(answer.offset, rest + 4)
  answer.chunk.copy(into, rest + 8)
  answer.sha256.copy(into, rest + 40)
}

export function readFileAnswer(from: Buffer, index: number): FileAnswer {
  const start = index * fileAnswerBytes
  const rest = start + statRecordBytes
  return {
    record: from.subarray(start, rest),
    isKnown: from.readUInt32LE(rest) === 1,
    offset: from.readUInt32LE(rest + 4),
    chunk: from.subarray(rest + 8, rest + 40),
    sha256: from.subarray(rest + 40, rest + 72),
  }
}

/** A view, of what arrives from another thread as plain bytes. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
