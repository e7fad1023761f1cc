/** A failure names it; with CONVOY_SEED the same requests are made again. */
export const fuzzSeed = Number(process.env['CONVOY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
