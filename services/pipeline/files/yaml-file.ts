import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseAllDocuments, visit } from "yaml";
import type { Problem } from "./problem.ts";

/** Keys and indices from the top level of a file to a value. */
export type Path = readonly (string | number)[];

/** The line numbers of a file's values, kept after parsing so that later checks can report lines, too. */
export interface FileMap {
  readonly file: string;
  /** The 1-based line of the key or item, or of its nearest existing parent. */
  line(path: Path): number;
}

/** Collects problems, so that users see all of them at once. */
export interface Reporter {
  readonly problems: Problem[];
  report(path: Path, message: string): void;
}

/** Of one file. */
export interface FileReporter extends Reporter {
  readonly file: string;
}

/** @param found problems found before */
export function createReporter(map: FileMap, found: readonly Problem[] = []): FileReporter {
  const problems = [...found];
  return {
    file: map.file,
    problems,
    report(path, message) {
      problems.push({ file: map.file, line: map.line(path), path: formatPath(path), message });
    },
  };
}

/** Reports duplicate entries of a list. @param path of the list */
export function reportRepeats(items: readonly string[], path: Path, reporter: Reporter): void {
  const seen = new Set<string>();
  items.forEach((item, index) => {
    if (seen.has(item)) reporter.report([...path, index], `duplicate entry "${item}"`);
    seen.add(item);
  });
}

/** Sorts problems by line. */
export function sortedProblems(problems: readonly Problem[]): readonly Problem[] {
  return [...problems].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** Formats a path as `components.m2.upstream[0]`. */
function formatPath(path: Path): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else if (/^[\w-]+$/.test(part)) text += text === "" ? part : `.${part}`;
    else text += `[${JSON.stringify(part)}]`;
  }
  return text;
}

/** A file as YAML has it. */
export interface YamlFile {
  readonly value: Readonly<Record<string, unknown>>;
  readonly map: FileMap;
  /** Duplicate keys; `value` has the last one. */
  readonly problems: readonly Problem[];
}

/**
 * Parses a YAML 1.2 document whose top level is a mapping. Never throws; reports invalid YAML as problems.
 * @param file the file name in problems
 */
export function readYaml(text: string, file: string): YamlFile | { readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    lineCounter: lines,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  const lineAt = (offset: number | undefined) => (offset === undefined ? 1 : Math.max(1, lines.linePos(offset).line));
  const problem = (line: number, message: string): Problem => ({ file, line, path: "", message });
  const document = Array.isArray(documents) ? documents[0] : undefined;
  if (document === undefined) return { problems: [problem(1, "the file is empty")] };
  if (documents.length > 1) {
    const second = documents[1]?.range[0];
    return { problems: [problem(lineAt(second), "a second YAML document starts here; the file must have only one")] };
  }
  if (document.errors.length > 0) {
    return {
      problems: document.errors.map((error) => problem(lineAt(error.pos[0]), `invalid YAML: ${error.message}`)),
    };
  }
  const top = document.contents;
  if (!isMap(top)) {
    const what = top === null ? "the file is empty" : "the top level must be a mapping (key: value)";
    return { problems: [problem(lineAt(top?.range?.[0]), what)] };
  }
  let value: Readonly<Record<string, unknown>>;
  try {
    value = document.toJS({ maxAliasCount: 100 }) as Readonly<Record<string, unknown>>;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { problems: [problem(1, `invalid YAML: ${reason}`)] };
  }
  const problems = repeatedKeys(document).map(({ key, offset }) => problem(lineAt(offset), `duplicate key "${key}"`));
  return { value, map: { file, line: (path) => lineAt(offsetOf(top, path)) }, problems };
}

function repeatedKeys(
  document: Document.Parsed,
): readonly { readonly key: string; readonly offset: number | undefined }[] {
  const repeats: { key: string; offset: number | undefined }[] = [];
  visit(document, {
    Map(_, node) {
      const seen = new Set<string>();
      for (const { key } of node.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        if (seen.has(name)) repeats.push({ key: name, offset: key.range?.[0] });
        seen.add(name);
      }
    },
  });
  return repeats;
}

/** Offset of the deepest existing part of the path. */
function offsetOf(top: Node, path: Path): number | undefined {
  let node: unknown = top;
  let offset = top.range?.[0];
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.findLast((item) => isScalar(item.key) && String(item.key.value) === String(part));
      if (!isPair(pair) || !isScalar(pair.key)) return offset;
      offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(part)] as Node | undefined;
      if (item === undefined || item === null) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else {
      return offset;
    }
  }
  return offset;
}
