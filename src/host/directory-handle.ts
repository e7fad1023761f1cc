import { closeFd, openDirectoryAt, openRoot } from './posix.js'

/** An open directory for several users: it closes when the last of them has released it. */
export class DirectoryHandle {
  readonly fd: number
  #users = 1

  private constructor(fd: number) {
    this.fd = fd
  }

  static openRoot(path: string | Buffer): DirectoryHandle {
    return new DirectoryHandle(openRoot(path))
  }

  /** Of a directory that somebody else holds open. Throws as `openChild` does. */
  static openAt(parentFd: number, name: Buffer): DirectoryHandle {
    return new DirectoryHandle(openDirectoryAt(parentFd, name))
  }

  /** Its first user is whoever opens it. Throws ENOTDIR for what is no directory, a link included. */
  openChild(name: Buffer): DirectoryHandle {
    return DirectoryHandle.openAt(this.fd, name)
  }

  /** One more user, who releases it too. Returns itself. */
  retain(): this {
    if (this.#users === 0) throw new Error('the directory is closed already')
    this.#users++
    return this
  }

  release(): void {
    if (this.#users === 0) throw new Error('the directory was released more often than it was retained')
    if (--this.#users === 0) closeFd(this.fd)
  }
}
