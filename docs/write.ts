import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { texts } from './texts.js'

// Runs from build/docs.
for (const [path, make] of Object.entries(texts)) {
  const file = fileURLToPath(new URL(`../../${path}`, import.meta.url))
  writeFileSync(file, make(readOrNothing(file)))
}

function readOrNothing(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
