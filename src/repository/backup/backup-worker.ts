import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { toConvoyError } from '../../errors.js'
import {
  type BackupWorkerData,
  controlWords,
  type FilesTask,
  type FlushTask,
  type SegmentTask,
  type TaskDone,
  type WorkerAnswer,
  type WorkerTask,
} from './backup-protocol.js'
import { ChunkPacker, type ChunkTableInUse } from './chunk-packer.js'
import { ChunkTable } from '../chunk-table.js'
import { FileBundler } from './file-bundler.js'
import { type Pack, PackWriter } from '../format/pack-writer.js'
import { RepositoryKey } from '../format/repository-key.js'
import { SegmentReader } from './segment-reader.js'
import { Zstd } from '../format/zstd.js'

// A thread of BackupWorkers: reads, cuts, compresses and seals what it is told to.

/** What it is told while it works: see `controlWords`. */
class Control {
  readonly #words: Int32Array

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared)
  }

  /** Throws when all is to end. */
  checkStop(): void {
    if (Atomics.load(this.#words, controlWords.stop) !== 0) throw new Error('the backup was stopped')
  }

  /** Waits until one more pack may be held in memory. */
  takePack(): void {
    while (Atomics.sub(this.#words, controlWords.packs, 1) <= 0) {
      Atomics.add(this.#words, controlWords.packs, 1)
      this.checkStop()
      // Not for ever: the stop may have come just before.
      Atomics.wait(this.#words, controlWords.packs, 0, 1000)
    }
  }
}

class BackupWorker {
  readonly #data: BackupWorkerData
  readonly #control: Control
  readonly #chunks: ChunkTableInUse
  readonly #packer: ChunkPacker
  readonly #bundler: FileBundler
  readonly #segments: SegmentReader

  constructor(data: BackupWorkerData) {
    const key = new RepositoryKey(data.master, data.repositoryId)
    this.#data = data
    this.#control = new Control(data.control)
    const packs = new PackWriter({
      key,
      kind: 'data',
      targetBytes: data.packTargetBytes,
      zstd: new Zstd(data.compressionLevel),
      allocate: (sizeBytes) => this.#allocate(sizeBytes),
    })
    this.#chunks = { table: ChunkTable.fromShared(data.table) }
    this.#packer = new ChunkPacker(this.#chunks, { packs, onPack: sendPack })
    this.#bundler = new FileBundler(this.#packer)
    const checkStop = () => this.#control.checkStop()
    this.#segments = new SegmentReader({ packer: this.#packer, gearSeed: key.gearSeed, checkStop })
  }

  perform(task: WorkerTask): void {
    if (task.kind === 'table') {
      this.#chunks.table = ChunkTable.fromShared(task.table)
      return
    }
    const newBytes = this.#packer.newBytes
    const { result, errno } = this.#resultOf(task)
    const done: TaskDone = { kind: 'done', id: task.id, result, errno, newBytes: this.#packer.newBytes - newBytes }
    send(done, [result.buffer])
  }

  #resultOf(task: FilesTask | SegmentTask | FlushTask): { result: Buffer; errno: number } {
    switch (task.kind) {
      case 'files':
        return { result: this.#bundler.bundle(task), errno: 0 }
      case 'segment':
        return this.#read(task)
      case 'flush':
        this.#packer.flush()
        return { result: Buffer.allocUnsafeSlow(0), errno: 0 }
    }
  }

  #read(task: SegmentTask): { result: Buffer; errno: number } {
    try {
      return { result: this.#segments.read(task), errno: 0 }
    } catch (thrown) {
      // The system refused to read this file: the others are read all the same.
      if (!(thrown instanceof Error && 'errno' in thrown && typeof thrown.errno === 'number')) throw thrown
      return { result: Buffer.allocUnsafeSlow(0), errno: Math.abs(thrown.errno) }
    }
  }

  #allocate(sizeBytes: number): ArrayBuffer {
    this.#control.takePack()
    const returned: { message: ArrayBuffer } | undefined = receiveMessageOnPort(this.#data.buffers)
    return returned?.message ?? new ArrayBuffer(sizeBytes)
  }
}

function sendPack({ id, salt, bytes, entries }: Pack): void {
  // What `allocate` gave.
  const buffer = bytes.buffer as ArrayBuffer
  send({ kind: 'pack', packId: id, salt, bytes: buffer, sizeBytes: bytes.length, entries }, [buffer])
}

function send(answer: WorkerAnswer, moved: readonly ArrayBufferLike[]): void {
  // What is moved was allocated for one thread: it is no SharedArrayBuffer.
  parentPort?.postMessage(answer, moved as ArrayBuffer[])
}

const worker = new BackupWorker(workerData as BackupWorkerData)

parentPort?.on('message', (task: WorkerTask) => {
  try {
    worker.perform(task)
  } catch (thrown) {
    const { code, message } = toConvoyError(thrown)
    send({ kind: 'failed', id: task.kind === 'table' ? 0 : task.id, code, message }, [])
  }
})
