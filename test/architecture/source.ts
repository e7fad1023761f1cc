import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

/** A file below `src`, parsed. Paths are relative to `src`. */
export interface Source {
  readonly path: string
  readonly tree: ts.SourceFile
  readonly lineCount: number
  readonly imports: readonly Import[]
}

export interface Import {
  readonly specifier: string
  readonly line: number
  /** `import type` and `export type`: gone when the program runs. */
  readonly isTypeOnly: boolean
  /** The file that a relative specifier means; undefined for packages. */
  readonly target: string | undefined
}

/** What breaks a rule, as the message of a test shows it: `core/mounts.ts:12 imports …`. */
export type Finding = string

export type Rule = (source: Source) => readonly Finding[]

export function readSources(folder: string): readonly Source[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.c?ts$/.test(path))
    .sort()
    .map((path) => parseSource(path, readFileSync(join(folder, path), 'utf8')))
}

export function parseSource(path: string, text: string): Source {
  const tree = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const imports = nodesOf(tree).flatMap((node) => {
    const found = readImport(node)
    if (found === undefined) return []
    const [specifier, isTypeOnly] = found
    return [{ specifier, isTypeOnly, line: lineOf(tree, node), target: resolveTarget(path, specifier) }]
  })
  return { path, tree, lineCount: text.replace(/\n$/, '').split('\n').length, imports }
}

/** Every node below this one, in the order of the text. */
export function nodesOf(tree: ts.Node): readonly ts.Node[] {
  const nodes: ts.Node[] = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  ts.forEachChild(tree, visit)
  return nodes
}

/** A rule that looks at one node at a time, and says what is wrong with it. */
export function nodeRule(judge: (node: ts.Node) => string | undefined): Rule {
  return ({ path, tree }) =>
    nodesOf(tree).flatMap((node) => {
      const fault = judge(node)
      return fault === undefined ? [] : [`${path}:${lineOf(tree, node)} ${fault}`]
    })
}

function lineOf(tree: ts.SourceFile, node: ts.Node): number {
  return tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1
}

/** What a specifier that is computed at run time is called: no table knows it. */
export const computed = '(computed)'

function readImport(node: ts.Node): readonly [specifier: string, isTypeOnly: boolean] | undefined {
  if (ts.isImportDeclaration(node)) {
    return [textOf(node.moduleSpecifier), node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword]
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
    return [textOf(node.moduleSpecifier), node.isTypeOnly]
  }
  if (ts.isExternalModuleReference(node)) return [textOf(node.expression), false]
  if (ts.isImportTypeNode(node)) {
    return [ts.isLiteralTypeNode(node.argument) ? textOf(node.argument.literal) : computed, true]
  }
  if (ts.isCallExpression(node) && loadsModule(node.expression)) return [textOf(node.arguments[0]), false]
  // How a worker or a child process is named.
  if (ts.isNewExpression(node) && node.expression.getText() === 'URL' && isModuleRelative(node)) {
    return [textOf(node.arguments?.[0]), false]
  }
  return undefined
}

/** `import(…)`, `require(…)`, `createRequire(…)(…)`. */
function loadsModule(callee: ts.Expression): boolean {
  if (callee.kind === ts.SyntaxKind.ImportKeyword) return true
  if (ts.isIdentifier(callee)) return callee.text === 'require'
  return ts.isCallExpression(callee) && callee.expression.getText() === 'createRequire'
}

function isModuleRelative(node: ts.NewExpression): boolean {
  return node.arguments?.[1]?.getText() === 'import.meta.url'
}

function textOf(node: ts.Node | undefined): string {
  return node !== undefined && ts.isStringLiteralLike(node) ? node.text : computed
}

function resolveTarget(path: string, specifier: string): string | undefined {
  if (!/^\.\.?(?:\/|$)/.test(specifier)) return undefined
  return posix.join(posix.dirname(path), specifier).replace(/\.(c?)js$/, '.$1ts')
}
