/** The colours that people see everywhere: red, yellow, green. */
export type Colour = 'red' | 'yellow' | 'green'

const codes: Readonly<Record<Colour, number>> = { red: 31, green: 32, yellow: 33 }

export function paint(text: string, colour: Colour | undefined): string {
  return colour === undefined ? text : `\u001b[${codes[colour]}m${text}\u001b[39m`
}

/** Only what stands out: in use, on its way, failed. */
export function colourOfState(state: string): Colour | undefined {
  if (/^(?:attached|succeeded)$/.test(state)) return 'green'
  if (/^(?:failed|cancelled)$/.test(state)) return 'red'
  return state.endsWith('ing') ? 'yellow' : undefined
}
