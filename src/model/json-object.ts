/** The object in a JSON text; undefined when the text is no JSON, or another kind of value. */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const json: unknown = JSON.parse(text)
    // An object's properties can be anything: what unknown says.
    return typeof json === 'object' && json !== null && !Array.isArray(json)
      ? (json as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}
