import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { UncoupleError } from "../../common/errors.ts";
import { didYouMean } from "../../common/suggest.ts";
import type { Pipeline } from "../../pipeline/pipeline.ts";
import { ownersOf, sharedComponents } from "../../pipeline/shared-components.ts";
import type { PipelineAccounts } from "../../registry/jetstream/accounts.ts";
import { checkName } from "../../registry/names.ts";
import { readStackFiles } from "../connect/configuration.ts";
import { requirePipelineFile } from "../connect/pipeline-file.ts";
import type { CliContext } from "../context/context.ts";
import { interruptible } from "../context/interruptible.ts";
import { type NewFile, readIfThere, writeAll } from "../files/write-all.ts";
import { dataAccess } from "../flags/data-flags.ts";
import { canSyncFirst } from "../stack/durability.ts";
import { createOutput } from "../terminal/output.ts";

interface ScaffoldFlags {
  readonly pipeline: string;
  readonly with?: readonly string[];
  readonly teams?: readonly string[];
  readonly followers?: readonly string[];
  readonly out: string;
  readonly tls?: string;
  readonly natsVersion?: string;
  readonly force?: true;
  readonly json?: true;
}

/** A team and the components that it trains. */
interface Team {
  readonly name: string;
  readonly components: readonly string[];
}

export function scaffoldNatsCommand(context: CliContext): Command {
  return new Command("nats")
    .summary("write a NATS configuration with an account for each team")
    .description(
      "Writes the configuration of a NATS server for a pipeline, or for several that share components: a hub account that owns all streams, an account for each team that may do what its trainers need and nothing else, one for each follower of releases that may read and report what it serves, and users for evaluators, the operator, people who restore backups, and the server's administrator. accounts.conf has public keys only. keys/NAME.nk are the secrets, one for each user, and keys/PIPELINE/NAME.nk those of other pipelines: --nats-nkey reads them. With --force, existing keys stay; remove the file of a key to replace it. docs/security.md lists who may do what.",
    )
    .requiredOption("--pipeline <file>", "the pipeline file")
    .requiredOption("--out <folder>", "folder for the configuration")
    .option(
      "--teams <team...>",
      "the teams, each COMPONENT or NAME=COMPONENT,COMPONENT (default: one for each component)",
    )
    .option(
      "--with <file...>",
      "pipeline files of others on the same server, whose components it uses or that use its own, with a team for each component",
    )
    .option("--followers <name...>", "who serves the releases: the names of `uncouple follow-release --follower`")
    .option("--tls <folder>", "serve TLS with tls.crt and tls.key of this folder of the server's machine")
    .option(
      "--nats-version <version>",
      "version of the server, for what older ones do not know (default: the newest)",
      parseVersion,
    )
    .option("--force", "overwrite existing configuration files; keys stay")
    .option("--json", "print JSON: { files: [{ path, secret }], teams: [{ name, components }], followers: [name] }")
    .addHelpText(
      "after",
      "\nExamples:\n  uncouple scaffold nats --pipeline pipeline.yaml --out nats\n  uncouple scaffold nats --pipeline pipeline.yaml --teams growth=m1,m2 ads=m3 --followers serving --tls /etc/nats/tls --out nats\n",
    )
    .action(async (flags: ScaffoldFlags) => {
      const output = createOutput(context, flags.json === true);
      const { pipeline } = (
        await interruptible(context, readStackFiles([flags.pipeline], context.cwd, dataAccess(context)))
      ).pipeline;
      const others: Pipeline[] = [];
      for (const file of flags.with ?? []) others.push(await requirePipelineFile(context, file));
      checkPipelines([pipeline, ...others]);
      const teams = teamsOf(pipeline, flags.teams);
      const followers = flags.followers ?? [];
      checkNames(teams, followers);
      const out = resolve(context.cwd, flags.out);
      const files = await scaffold({ pipeline, teams, followers }, others, out, flags);
      await writeAll(out, flags.out, files, flags.force === true);
      const written = files.map(({ path, secret = false }) => ({ path: `${flags.out}/${path}`, secret }));
      output.result({ files: written, teams, followers }, () => text(flags, pipeline, teams));
    });
}

function parseVersion(text: string): string {
  if (!/^\d+\.\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError("Expected a version such as 2.10 or 2.10.1.");
  return text;
}

/** @throws UncoupleError `invalid-argument`, `not-found` for a component that the pipeline lacks */
function teamsOf(pipeline: Pipeline, given: readonly string[] | undefined): readonly Team[] {
  const known = pipeline.components.map(({ name }) => name);
  const own = pipeline.components.filter(({ from }) => from === undefined).map(({ name }) => name);
  const teams = (given ?? own).map((entry): Team => {
    const [name = "", components] = entry.split(/=(.*)/s);
    return { name, components: components === undefined ? [name] : components.split(",") };
  });
  const owners = new Map<string, string>();
  for (const { name, components } of teams) {
    for (const component of components) {
      if (!known.includes(component)) {
        throw new UncoupleError(
          "not-found",
          `pipeline ${pipeline.name} has no component "${component}"; available: ${known.join(", ")}${didYouMean(component, known)}`,
        );
      }
      if (!own.includes(component)) {
        throw new UncoupleError("invalid-argument", `component ${component} has no team: another pipeline trains it`);
      }
      const owner = owners.get(component);
      if (owner !== undefined) {
        throw new UncoupleError("invalid-argument", `component ${component} has two teams, ${owner} and ${name}`);
      }
      owners.set(component, name);
    }
  }
  return teams;
}

/** @throws UncoupleError `invalid-argument` for a pipeline that is given twice; `not-found` for one that another one uses */
function checkPipelines(pipelines: readonly Pipeline[]): void {
  const names = pipelines.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new UncoupleError("invalid-argument", `pipeline ${twice} is given twice`);
  for (const pipeline of pipelines) {
    const missing = ownersOf(pipeline).find((owner) => !names.includes(owner));
    if (missing === undefined) continue;
    const message = `pipeline ${pipeline.name} uses components of ${missing}, which must be on the same server: give its file to --with`;
    throw new UncoupleError("not-found", message);
  }
}

/** Each user has a key file of that name. @throws UncoupleError `invalid-argument` */
function checkNames(teams: readonly Team[], followers: readonly string[]): void {
  const known = new Map(["evaluator", "operator", "restorer", "system"].map((name) => [name, "service"]));
  const users = [
    ...teams.map(({ name }) => ({ name, what: "team" })),
    ...followers.map((name) => ({ name, what: "follower" })),
  ];
  for (const { name, what } of users) {
    checkName(what, name);
    const taken = known.get(name);
    if (taken !== undefined) {
      const why = taken === what ? "is named twice" : "is a name of another user; choose a different one";
      throw new UncoupleError("invalid-argument", `${what} ${name} ${why}`);
    }
    known.set(name, what);
  }
}

/** A pipeline and its users. */
interface Users {
  readonly pipeline: Pipeline;
  readonly teams: readonly Team[];
  readonly followers: readonly string[];
}

async function scaffold(
  first: Users,
  others: readonly Pipeline[],
  out: string,
  flags: ScaffoldFlags,
): Promise<readonly NewFile[]> {
  const { accountsConfig, createUserKey, readUserKey } = await import("../../registry/jetstream/accounts.ts");
  const keyFiles: NewFile[] = [];
  const keyOf = async (user: string): Promise<string> => {
    const path = `keys/${user}.nk`;
    const there = await readIfThere(resolve(out, path));
    if (there !== undefined) {
      try {
        return readUserKey(there).publicKey;
      } catch (cause) {
        const message = `${flags.out}/${path} is not the seed of a user's nkey; remove it to get a new one`;
        throw new UncoupleError("invalid-argument", message, { cause });
      }
    }
    const key = createUserKey();
    keyFiles.push({ path, content: `${key.seed}\n`, secret: true });
    return key.publicKey;
  };
  /** @param folder of the keys */
  const accountsOf = async ({ pipeline, teams, followers }: Users, folder: string): Promise<PipelineAccounts> => {
    const evaluator = await keyOf(`${folder}evaluator`);
    const accounts = [];
    for (const team of teams) accounts.push({ ...team, publicKey: await keyOf(`${folder}${team.name}`) });
    const serving = [];
    for (const name of followers) serving.push({ name, publicKey: await keyOf(`${folder}${name}`) });
    return {
      pipeline: pipeline.name,
      owners: ownersOf(pipeline),
      shared: sharedComponents(pipeline).map(({ name }) => name),
      teams: accounts,
      followers: serving,
      evaluator,
      evaluatorsDelete: pipeline.retention !== undefined,
    };
  };
  const keys = {
    operator: await keyOf("operator"),
    restorer: await keyOf("restorer"),
    system: await keyOf("system"),
  };
  const pipelines = [await accountsOf(first, "")];
  for (const pipeline of others) {
    pipelines.push(
      await accountsOf({ pipeline, teams: teamsOf(pipeline, undefined), followers: [] }, `${pipeline.name}/`),
    );
  }
  const names = pipelines.map(({ pipeline }) => pipeline).join(", ");
  const content = accountsConfig({ pipelines, keys });
  return [
    { path: "nats.conf", content: serverConfig(first.pipeline, flags) },
    {
      path: "accounts.conf",
      content: `# The accounts of pipeline${others.length === 0 ? "" : "s"} ${names}.\n${content}`,
    },
    ...keyFiles,
  ];
}

function serverConfig(pipeline: Pipeline, { tls, natsVersion }: ScaffoldFlags): string {
  const syncs = natsVersion === undefined || canSyncFirst(natsVersion);
  const quoted = (name: string) => JSON.stringify(`${tls ?? ""}/${name}`);
  return [
    `# A NATS server for pipeline ${pipeline.name}. Review addresses and sizes; docs/operations.md tells why.`,
    'listen: "0.0.0.0:4222"',
    'http: "0.0.0.0:8222"',
    "max_payload: 1MB",
    "jetstream {",
    '  store_dir: "/data"',
    "  max_mem: 64MB",
    "  # At most 80 % of the volume: on a full disk, every call times out.",
    "  max_file: 8GB",
    syncs
      ? "  # Otherwise, a power cut takes what was acknowledged last.\n  sync_interval: always"
      : `  # Version ${natsVersion} acknowledges before it syncs; use 2.10 or newer in production.`,
    "}",
    ...(tls === undefined
      ? []
      : [`tls { cert_file: ${quoted("tls.crt")}, key_file: ${quoted("tls.key")}, timeout: 5 }`]),
    'include "accounts.conf"',
    "",
  ].join("\n");
}

function text(
  { out, pipeline: file, tls, followers = [] }: ScaffoldFlags,
  pipeline: Pipeline,
  teams: readonly Team[],
): string {
  const owned = new Set(teams.flatMap(({ components }) => components));
  const own = pipeline.components.filter(({ from }) => from === undefined).map(({ name }) => name);
  const without = own.filter((name) => !owned.has(name));
  return [
    `wrote ${out}/nats.conf, ${out}/accounts.conf and the users' keys in ${out}/keys`,
    ...(without.length === 0 ? [] : [`no team may publish: ${without.join(", ")}`]),
    "",
    "Review:",
    `  ${out}/nats.conf       addresses, store_dir and max_file${tls === undefined ? "; without TLS, models and verdicts are sent in the clear" : ""}`,
    `  ${out}/keys/*.nk       secrets: give each to its user only, and keep the operator's and the system's to yourself, and the restorer's off line`,
    "",
    "Then:",
    `  nats-server -c ${out}/nats.conf`,
    `  uncouple pipeline apply ${file} --nats URL --nats-nkey ${out}/keys/operator.nk`,
    `  uncouple evaluator --pipeline ${file} --nats URL --nats-nkey ${out}/keys/evaluator.nk`,
    ...teams.map(
      ({ name }) =>
        `  uncouple trainer --team TEAM.yaml --pipeline ${file} --nats URL --nats-nkey ${out}/keys/${name}.nk`,
    ),
    ...followers.map(
      (name) =>
        `  uncouple follow-release --into FOLDER --follower ${name} --pipeline ${pipeline.name} --nats URL --nats-nkey ${out}/keys/${name}.nk`,
    ),
  ].join("\n");
}
