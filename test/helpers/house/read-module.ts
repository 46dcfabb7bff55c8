import { parseSync } from "oxc-parser";

/** What a source file takes from elsewhere. Lines are 1-based. */
export interface ModuleUses {
  /** Modules as they are written: imports, type imports, re-exports, `import()`, and URLs relative to the file. */
  readonly imports: readonly { readonly name: string; readonly line: number }[];
  /** Globals and their members: `process`, `Date.now`, `new Date` and `Date()` without arguments; `**` of variables. */
  readonly names: readonly { readonly name: string; readonly line: number }[];
}

interface AstNode {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

/** @throws Error for text that is not TypeScript */
export function readModule(file: string, text: string): ModuleUses {
  const { program, errors } = parseSync(file, text);
  if (errors[0] !== undefined) throw new Error(`${file}: ${errors[0].message}`);
  const imports: { name: string; line: number }[] = [];
  const names: { name: string; line: number }[] = [];
  const declared = new Set<string>();
  const lineOf = (node: AstNode) => text.slice(0, node.start).split("\n").length;

  function visit(node: AstNode, parent: AstNode | undefined, key: string, inPattern: boolean): void {
    const source = moduleOf(node);
    if (source !== undefined) imports.push({ name: source, line: lineOf(node) });
    const name = globalName(node, parent, key);
    if (name !== undefined) names.push({ name, line: lineOf(node) });
    if (node.type === "Identifier" && declares(parent, key, inPattern)) declared.add(node.name as string);
    const pattern =
      node.type === "ObjectPattern" || node.type === "ArrayPattern" || (inPattern && node.type === "Property");
    for (const [childKey, child] of Object.entries(node)) {
      for (const value of Array.isArray(child) ? child : [child]) {
        if (isNode(value)) visit(value, node, childKey, pattern);
      }
    }
  }

  visit(program as unknown as AstNode, undefined, "", false);
  return { imports, names: names.filter(({ name }) => !declared.has(name.split(".")[0] as string)) };
}

function isNode(value: unknown): value is AstNode {
  return typeof value === "object" && value !== null && typeof (value as { type?: unknown }).type === "string";
}

function literal(node: unknown): string | undefined {
  return isNode(node) && node.type === "Literal" && typeof node.value === "string" ? node.value : undefined;
}

function moduleOf(node: AstNode): string | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportNamedDeclaration":
    case "ExportAllDeclaration":
    case "ImportExpression":
      return literal(node.source);
    case "TSImportType":
      return literal(node.source) ?? literal(node.argument);
    case "NewExpression": {
      const [path] = node.arguments as readonly unknown[];
      const text = isIdentifier(node.callee, "URL") ? literal(path) : undefined;
      return text?.startsWith(".") ? text : undefined;
    }
    default:
      return undefined;
  }
}

function isIdentifier(node: unknown, name: string): boolean {
  return isNode(node) && node.type === "Identifier" && node.name === name;
}

/** A number that is written out, with or without a sign. */
function isNumber(node: unknown): boolean {
  if (!isNode(node)) return false;
  return node.type === "UnaryExpression" ? isNumber(node.argument) : typeof node.value === "number";
}

/** The global that a node uses, if it is one: an identifier that stands for a value, or a member of one. */
function globalName(node: AstNode, parent: AstNode | undefined, key: string): string | undefined {
  const withoutArguments = Array.isArray(node.arguments) && node.arguments.length === 0;
  if (node.type === "NewExpression" && isIdentifier(node.callee, "Date") && withoutArguments) return "new Date";
  if (node.type === "CallExpression" && isIdentifier(node.callee, "Date")) return "Date()";
  if ((node.type === "BinaryExpression" && node.operator === "**") || node.operator === "**=") {
    return isNumber(node.left) && isNumber(node.right) ? undefined : "**";
  }
  if (node.type === "MemberExpression" && isNode(node.object) && node.object.type === "Identifier") {
    const property = node.computed === true ? literal(node.property) : (node.property as { name?: string }).name;
    return property === undefined ? undefined : `${String(node.object.name)}.${property}`;
  }
  if (node.type !== "Identifier") return undefined;
  const isKey = key === "key" || (key === "property" && parent?.computed !== true);
  const isShorthand = parent?.type === "Property" && parent.shorthand === true;
  if ((isKey && !isShorthand) || parent?.type === "TSQualifiedName") return undefined;
  return node.name as string;
}

/** Whether an identifier in this place names something of the file's own. */
function declares(parent: AstNode | undefined, key: string, inPattern: boolean): boolean {
  if (parent === undefined) return false;
  if (/^Import(Default|Namespace)?Specifier$/.test(parent.type)) return key === "local";
  if (/^(VariableDeclarator|FunctionDeclaration|ClassDeclaration)$/.test(parent.type)) return key === "id";
  return key === "params" || (inPattern && key !== "key");
}
