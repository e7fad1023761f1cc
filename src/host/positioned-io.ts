import * as fs from 'node:fs'

/** Reads into `into` from that position of an open file until it is full or the file ends. Returns how many bytes there are. */
export function readAt(fd: number, into: Uint8Array, position: number): number {
  for (let done = 0; ;) {
    const count = done === into.length ? 0 : fs.readSync(fd, into, done, into.length - done, position + done)
    if (count === 0) return done
    done += count
  }
}

/** Writes all of the bytes at that position of an open file. */
export function writeAt(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done)
}

/** What is new of it is a hole. */
export function setSize(fd: number, sizeBytes: number): void {
  fs.ftruncateSync(fd, sizeBytes)
}

/** Makes an open file or directory durable. */
export function syncFd(fd: number): void {
  fs.fsyncSync(fd)
}
