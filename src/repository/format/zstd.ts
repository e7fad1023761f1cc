import zstd from 'zstd-napi/binding.js'
import { damaged } from './damage.js'

const defaultLevel = 3

/**
 * A compressor and a decompressor with their working memory, for one thread. Both use the binding itself: its API of a higher level
 * copies everything once more.
 */
export class Zstd {
  readonly #compressor = new zstd.CCtx()
  #decompressor: zstd.DCtx | undefined
  #output = Buffer.alloc(0)

  constructor(level = defaultLevel) {
    this.#compressor.setParameter(zstd.CParameter.compressionLevel, level)
  }

  /** One zstd frame. A view, valid until the next call. */
  compress(raw: Uint8Array): Buffer {
    const bound = zstd.compressBound(raw.length)
    if (this.#output.length < bound) this.#output = Buffer.allocUnsafeSlow(bound)
    return this.#output.subarray(0, this.#compressor.compress2(this.#output, raw))
  }

  /** Exactly so many bytes, in `into` where that is given; ConvoyError `damaged` when the frame holds anything else. */
  decompress(frame: Uint8Array, rawBytes: number, into: Buffer = Buffer.allocUnsafe(rawBytes)): Buffer {
    const raw = into.subarray(0, rawBytes)
    this.#decompressor ??= new zstd.DCtx()
    const length = decompressInto(this.#decompressor, raw, frame)
    if (length !== rawBytes) throw damaged(`decompression gave ${length} bytes, not ${rawBytes}`)
    return raw
  }
}

/** The library never writes beyond `raw`: what holds more is refused. */
function decompressInto(decompressor: zstd.DCtx, raw: Buffer, frame: Uint8Array): number {
  try {
    return decompressor.decompress(raw, frame)
  } catch (thrown) {
    throw damaged('what was compressed does not decompress', thrown)
  }
}
