import { isBuiltin } from 'node:module'
import ts from 'typescript'
import { nodeRule, type Finding, type Rule, type Source } from './source.js'

/** Place → places. A place is a file or a folder below `src`, with all that is in it. */
export type PlaceTable = Readonly<Record<string, readonly string[]>>

const isWithin = (path: string, place: string) => path === place || path.startsWith(`${place}/`)

const isWithinAny = (path: string, places: readonly string[]) => places.some((place) => isWithin(path, place))

/** The most exact of the places that hold the file. */
function placeOf(path: string, table: PlaceTable): string | undefined {
  return Object.keys(table)
    .filter((place) => isWithin(path, place))
    .sort((a, b) => b.length - a.length)[0]
}

/** Who may import what. `type x` in the table allows x for `import type` only. A place may always import itself. */
export function importsOnlyFrom(table: PlaceTable): Rule {
  return (source) => {
    const place = placeOf(source.path, table)
    if (place === undefined) return [`${source.path}:1 is in no place that the table knows: add a line for it`]
    const allowed = [place, ...(table[place] ?? [])]
    return importFindings(source, ({ target, specifier, isTypeOnly }) => {
      if (target === undefined) return specifier.startsWith('(') ? 'imports what is computed at run time' : undefined
      const places = allowed.map((entry) => (isTypeOnly ? entry.replace(/^type /, '') : entry))
      // A file inside its own place may be a more exact place, which is not its own any more.
      const isOwn = placeOf(target, table) === place
      if (isOwn || isWithinAny(target, places.slice(1))) return undefined
      return `imports ${target}, but ${place} may import only ${allowed.slice(1).join(', ') || 'nothing'}`
    })
  }
}

/** Who may use which npm package, also for types. A package that is not in the table is nobody's. */
export function packagesOnlyIn(table: PlaceTable): Rule {
  return (source) =>
    importFindings(source, ({ target, specifier }) => {
      if (target !== undefined || specifier.startsWith('node:') || specifier.startsWith('(')) return undefined
      if (isBuiltin(specifier)) return `imports ${specifier} without "node:"`
      const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/')
      const users = Object.hasOwn(table, name) ? (table[name] ?? []) : undefined
      if (users === undefined) return `imports ${name}, which has no line in the table of packages`
      return isWithinAny(source.path, users) ? undefined : `imports ${name}, which is for ${users.join(', ')} only`
    })
}

/** Who may use which module of Node. What is not in the table is for all; types are for all. */
export function builtinsOnlyIn(table: PlaceTable): Rule {
  return (source) =>
    importFindings(source, ({ specifier, isTypeOnly }) => {
      const users = Object.hasOwn(table, specifier) ? table[specifier] : undefined
      if (users === undefined || isTypeOnly || isWithinAny(source.path, users)) return undefined
      return `imports ${specifier}, which is for ${users.join(', ')} only`
    })
}

function importFindings(source: Source, judge: (one: Source['imports'][number]) => string | undefined): Finding[] {
  return source.imports.flatMap((one) => {
    const fault = judge(one)
    return fault === undefined ? [] : [`${source.path}:${one.line} ${fault}`]
  })
}

/** The clock, timers and the environment come to everybody else as a parameter. */
export function ambientStateOnlyIn(places: readonly string[]): Rule {
  const rule = nodeRule((node) => {
    const name = ambientName(node)
    return name === undefined ? undefined : `uses ${name}, which is for ${places.join(', ')} only`
  })
  return (source) => (isWithinAny(source.path, places) ? [] : rule(source))
}

function ambientName(node: ts.Node): string | undefined {
  return clockName(node) ?? environmentName(node) ?? timerName(node)
}

function clockName(node: ts.Node): string | undefined {
  if (isMember(node, 'Date', 'now')) return 'Date.now'
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date') {
    return (node.arguments?.length ?? 0) === 0 ? 'new Date()' : undefined
  }
  return ts.isCallExpression(node) && node.expression.getText() === 'Date' ? 'Date()' : undefined
}

function environmentName(node: ts.Node): string | undefined {
  if (isMember(node, 'process', 'env')) return 'process.env'
  // `import { env } from 'node:process'`, `const { env } = process`
  const isImported = ts.isImportSpecifier(node) && /^(?:node:)?process$/.test(moduleOf(node))
  if (isImported && (node.propertyName ?? node.name).text === 'env') return 'process.env'
  if (!ts.isBindingElement(node) || (node.propertyName ?? node.name).getText() !== 'env') return undefined
  const { parent } = node.parent
  return ts.isVariableDeclaration(parent) && parent.initializer?.getText() === 'process' ? 'process.env' : undefined
}

function moduleOf(node: ts.ImportSpecifier): string {
  const { moduleSpecifier } = node.parent.parent.parent
  return ts.isStringLiteral(moduleSpecifier) ? moduleSpecifier.text : ''
}

const timers: ReadonlySet<string> = new Set(['setTimeout', 'setInterval'])

function timerName(node: ts.Node): string | undefined {
  for (const timer of timers) if (isMember(node, 'globalThis', timer)) return timer
  if (!ts.isIdentifier(node) || !timers.has(node.text)) return undefined
  const { parent } = node
  // A name that only looks like the timer's: `socket.setTimeout`, `{ setTimeout: … }`, `typeof setTimeout`.
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return undefined
  if (ts.isTypeQueryNode(parent)) return undefined
  const isOwnName = 'name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)
  return isOwnName && !ts.isImportSpecifier(parent) ? undefined : node.text
}

/** `object.member`, `object['member']`, with or without `globalThis.` before it. */
function isMember(node: ts.Node, object: string, member: string): boolean {
  if (!ts.isPropertyAccessExpression(node) && !ts.isElementAccessExpression(node)) return false
  const owner = node.expression.getText().replace(/^globalThis\./, '')
  if (owner !== object) return false
  if (ts.isPropertyAccessExpression(node)) return node.name.text === member
  return ts.isStringLiteralLike(node.argumentExpression) && node.argumentExpression.text === member
}

const bannedWords = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'misc',
  'base',
  'manager',
  'service',
  'handler',
  'impl',
]

/** A file whose name says nothing has not found its noun. */
export const hasProperFileName: Rule = ({ path }) => {
  const parts = path.replace(/\.c?ts$/, '').split('/')
  const words = parts.flatMap((part) => part.split(/[-.]/))
  const banned = words.filter((word) => bannedWords.includes(word.toLowerCase()))
  return [
    ...banned.map((word) => `${path}:1 has "${word}" in its name`),
    ...(parts.every((part) => /^[a-z0-9]+(?:-[a-z0-9]+)*$/.test(part)) ? [] : [`${path}:1 is not in kebab-case`]),
  ]
}

/** `VolumeImpl` and `IVolume` name a lack of a name. */
export const hasProperTypeNames: Rule = nodeRule((node) => {
  const isType = ts.isClassDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)
  const name = isType ? (node.name?.text ?? '') : ''
  const isBanned = /^I[A-Z][a-z]/.test(name) || /(?:Impl|Manager|Service|Handler|Helper|Utils?|Base)$/.test(name)
  return isBanned ? `declares ${name}, which says nothing` : undefined
})

export function hasAtMostLines(most: number): Rule {
  return ({ path, lineCount }) => (lineCount > most ? [`${path}:${most + 1} has ${lineCount} lines`] : [])
}

/** `export =` of a CommonJS module holds its names. */
export const hasNoDefaultExport: Rule = nodeRule((node) => {
  const isNamedDefault = ts.isExportSpecifier(node) && node.name.text === 'default'
  const modifiers = ts.canHaveModifiers(node) ? (ts.getModifiers(node) ?? []) : []
  const isDeclaredDefault = modifiers.some(({ kind }) => kind === ts.SyntaxKind.DefaultKeyword)
  const isWhole = ts.isExportAssignment(node) && !(node.isExportEquals && ts.isObjectLiteralExpression(node.expression))
  return isWhole || isNamedDefault || isDeclaredDefault ? 'has a default export' : undefined
})

/** `declare module 'x'` and `declare global` are how types are added to others, and allowed. */
export const hasNoEnumOrNamespace: Rule = nodeRule((node) => {
  if (ts.isEnumDeclaration(node)) return `declares the enum ${node.name.text}`
  const isNamespace = ts.isModuleDeclaration(node) && ts.isIdentifier(node.name) && node.name.text !== 'global'
  return isNamespace ? `declares the namespace ${node.name.text}` : undefined
})
