import { Type } from 'typebox'
import type { ApiDeps } from './api-deps.js'
import type { ControlScope } from './control-scope.js'

const given = Type.Object({ value: Type.String(), source: Type.String() })

const configDocument = Type.Object(
  {
    file: Type.Optional(Type.String({ description: 'the configuration file that was read' })),
    options: Type.Array(
      Type.Object({
        name: Type.String(),
        value: Type.Optional(Type.String({ description: 'absent where the option is not given and has no default' })),
        source: Type.String({ description: 'the flag, the variable, the file and line, or "default"' }),
        overrides: Type.Array(given, { description: 'what others gave in vain, the strongest first' }),
      }),
    ),
    profiles: Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
      description: 'volume options by profile',
    }),
    warnings: Type.Array(Type.String(), { description: 'what looks like a mistake' }),
    needsRestart: Type.Array(Type.String(), { description: 'options whose new value waits for a restart' }),
  },
  { description: 'the configuration, and where each part of it comes from' },
)

/** What `convoy info --config` and `convoy profiles` show. There are no secrets among the options. */
export function registerConfigRoute(app: ControlScope, deps: ApiDeps): void {
  app.get('/v1/config', { schema: { response: { 200: configDocument } } }, () => {
    const { options, profiles, warnings, needsRestart, ...rest } = deps.describeConfig()
    return {
      ...rest,
      options: options.map((option) => ({ ...option, overrides: [...option.overrides] })),
      profiles: { ...profiles },
      warnings: [...warnings],
      needsRestart: [...needsRestart],
    }
  })
}
