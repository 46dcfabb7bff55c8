import * as z from "zod";
import { didYouMean } from "../../common/suggest.ts";
import { originName, parseFrom, type SharedFrom } from "../shared.ts";
import { isRecord, parseWith, shown } from "./schema.ts";
import type { FileReporter, Reporter } from "./yaml-file.ts";

/** The pipeline file's components, after those of other pipelines got their contracts from `shared:`. */
export interface ExpandedComponents {
  /** As `components:`, without `from`. */
  readonly components: unknown;
  /** Components of other pipelines that have no contract, after reporting why. */
  readonly broken: readonly string[];
  /** Component to where it comes from. */
  readonly from: ReadonlyMap<string, SharedFrom>;
}

/**
 * Replaces each component `{ from: ads/click }` with what `shared:` says about `ads/click`. The upstream components there
 * have the names that the owner gives them, or are `users/user` if the owner uses them itself; each must be a component `from`
 * there in this file, whatever its name, or one of its own.
 */
export function expandShared(value: Readonly<Record<string, unknown>>, reporter: FileReporter): ExpandedComponents {
  const { components, shared } = value;
  const from = new Map<string, SharedFrom>();
  if (!isRecord(components)) return { components, broken: [], from };
  for (const [name, entry] of Object.entries(components)) {
    if (!isRecord(entry) || entry.from === undefined) continue;
    const parsed = parseOrigin(name, entry.from, value.pipeline, reporter);
    if (parsed !== undefined) from.set(name, parsed);
  }
  const contracts = contractsOf(shared, new Set([...from.values()].map(nameOfContract)), reporter);
  const here: Here = { pipeline: value.pipeline, names: Object.keys(components), from };
  const expanded: Record<string, unknown> = {};
  const broken: string[] = [];
  for (const [name, entry] of Object.entries(components)) {
    if (!isRecord(entry) || entry.from === undefined) {
      expanded[name] = entry;
      continue;
    }
    for (const key of Object.keys(entry)) {
      if (key === "from") continue;
      reporter.report(
        ["components", name, key],
        `remove it: a component with \`from\` has its contract under \`shared\``,
      );
    }
    const origin = from.get(name);
    const contract = origin && contracts.get(nameOfContract(origin));
    if (origin !== undefined && contract !== undefined) {
      const upstream = localUpstream(name, contract.upstream, origin, here, reporter);
      if (upstream === undefined) broken.push(name);
      else expanded[name] = { ...contract, upstream };
      continue;
    }
    broken.push(name);
    if (origin === undefined || contracts.has(nameOfContract(origin))) continue;
    reporter.report(
      ["components", name, "from"],
      `the contract of ${nameOfContract(origin)} is not in this file; run \`uncouple pipeline lock ${reporter.file} --nats URL\`, or with \`--owner ${origin.pipeline}=FILE\` instead of a server`,
    );
  }
  return { components: expanded, broken, from };
}

function parseOrigin(name: string, value: unknown, pipeline: unknown, reporter: Reporter): SharedFrom | undefined {
  const path = ["components", name, "from"];
  const text = parseWith(z.string(), value, path, reporter);
  if (text === undefined) return undefined;
  const parsed = parseFrom(text);
  if (parsed === undefined) {
    reporter.report(path, `must be PIPELINE/COMPONENT or PIPELINE/COMPONENT@SERIAL, not ${shown(text)}`);
  } else if (parsed.pipeline === pipeline) {
    reporter.report(path, `${originName(parsed)} is a component of this pipeline; name it in \`upstream\``);
    return undefined;
  }
  return parsed;
}

function nameOfContract({ pipeline, component }: SharedFrom): string {
  return `${pipeline}/${component}`;
}

/** By `ads/click`; undefined for an entry that is no mapping, after reporting it. */
function contractsOf(
  shared: unknown,
  used: ReadonlySet<string>,
  reporter: Reporter,
): ReadonlyMap<string, Readonly<Record<string, unknown>> | undefined> {
  if (shared === undefined) return new Map();
  const entries = parseWith(z.record(z.string(), z.unknown()), shared, ["shared"], reporter);
  if (entries === undefined) return new Map([...used].map((name) => [name, undefined]));
  return new Map(
    Object.entries(entries).map(([name, contract]) => {
      if (!used.has(name)) {
        reporter.report(["shared", name], `no component has \`from: ${name}\`${didYouMean(name, used)}`);
      } else if (!isRecord(contract)) {
        reporter.report(["shared", name], `must be a mapping (key: value), not ${shown(contract)}`);
      }
      return [name, isRecord(contract) ? contract : undefined];
    }),
  );
}

/** The file's own components, and where the others come from. */
interface Here {
  readonly pipeline: unknown;
  readonly names: readonly string[];
  readonly from: ReadonlyMap<string, SharedFrom>;
}

/** Translates the owner's names of upstream components into those of this file. @returns undefined after reporting */
function localUpstream(name: string, upstream: unknown, origin: SharedFrom, here: Here, reporter: Reporter): unknown {
  // Anything else is reported as that of any component.
  if (!Array.isArray(upstream)) return upstream ?? [];
  const local = upstream.map((entry: unknown) => {
    const written = String(entry);
    const wanted = parseFrom(written) ?? { pipeline: origin.pipeline, component: written };
    if (wanted.pipeline === here.pipeline && here.names.includes(wanted.component)) return wanted.component;
    const found = [...here.from].find(([, other]) => nameOfContract(other) === nameOfContract(wanted));
    if (found !== undefined) return found[0];
    const needed = nameOfContract(wanted);
    reporter.report(
      ["components", name, "from"],
      `${nameOfContract(origin)} reads ${needed}; add a component with \`from: ${needed}\``,
    );
    return undefined;
  });
  return local.includes(undefined) ? undefined : local;
}
