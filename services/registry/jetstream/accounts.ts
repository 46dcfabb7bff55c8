import { nkeys } from "nats";
import { grantsOf, type Role, sharingGrants, subjectsOf } from "./grants.ts";
import { HUB_API } from "./hub-connection.ts";
import { type Names, namesOf } from "./streams.ts";

/** The key pair of a NATS user. */
export interface UserKey {
  /** The server's configuration has it. */
  readonly publicKey: string;
  /** The user's secret: what --nats-nkey reads. */
  readonly seed: string;
}

export function createUserKey(): UserKey {
  return keyOf(nkeys.createUser());
}

/** @throws if the seed is not that of a user */
export function readUserKey(seed: string): UserKey {
  const key = keyOf(nkeys.fromSeed(new TextEncoder().encode(seed.trim())));
  if (!key.publicKey.startsWith("U")) throw new Error("not the seed of a user");
  return key;
}

function keyOf(pair: { getPublicKey(): string; getSeed(): Uint8Array }): UserKey {
  return { publicKey: pair.getPublicKey(), seed: new TextDecoder().decode(pair.getSeed()) };
}

/** A team, whose trainers share an account. */
export interface TeamAccount {
  readonly name: string;
  /** The components that it trains. */
  readonly components: readonly string[];
  readonly publicKey: string;
}

/** Who serves releases. */
export interface FollowerAccount {
  readonly name: string;
  readonly publicKey: string;
}

/** The users of a pipeline. */
export interface PipelineAccounts {
  readonly pipeline: string;
  /** The pipelines that it uses components of; they must be in the same configuration. */
  readonly owners: readonly string[];
  /** Its components of these. */
  readonly shared: readonly string[];
  readonly teams: readonly TeamAccount[];
  readonly followers: readonly FollowerAccount[];
  /** Public key of the evaluators. */
  readonly evaluator: string;
  /** Whether evaluators delete models, as a pipeline file with `retention` wants. */
  readonly evaluatorsDelete: boolean;
}

export interface AccountsOptions {
  /** Those that share a server. The accounts of all but the first begin with the name of their pipeline. */
  readonly pipelines: readonly PipelineAccounts[];
  /** Public keys of the users that are no team's. */
  readonly keys: { readonly operator: string; readonly restorer: string; readonly system: string };
}

const INBOX = "_INBOX.>";

/**
 * Writes the accounts of pipelines as a part of the configuration of nats-server 2.9 or newer. The hub account owns the
 * streams. Teams, evaluators and followers have accounts that own nothing and import exactly what they may do: replies are rewritten
 * between accounts, so that nobody can make the server publish on a subject of his choice. Consumers deliver to any subject
 * that their creator names, so only operators create them.
 */
export function accountsConfig({ pipelines, keys }: AccountsOptions): string {
  const accounts = pipelines.flatMap((one, index) =>
    accountsOf(one, index === 0 ? "" : `${accountName(one.pipeline)}_`),
  );
  const holders = new Map<string, string[]>();
  const hearers = new Map<string, string[]>();
  for (const { name, grants, news } of accounts) {
    for (const subject of grants) holders.set(subject, [...(holders.get(subject) ?? []), name]);
    for (const subject of news) hearers.set(subject, [...(hearers.get(subject) ?? []), name]);
  }
  const all = pipelines.map(({ pipeline }) => namesOf(pipeline));
  const granted = (role: Role) => [...new Set(all.flatMap((names) => subjectsOf(grantsOf(names, role))))];
  const news = all.flatMap(newsOf);
  return [
    "accounts {",
    `  SYS { users = [ { nkey: ${keys.system} } ] }`,
    "  HUB {",
    "    jetstream: enabled",
    ...users(
      { key: keys.operator, publish: granted({ kind: "operator" }), subscribe: [INBOX, ...news] },
      { key: keys.restorer, publish: granted({ kind: "restorer" }), subscribe: [INBOX, ...news] },
    ),
    "    exports = [",
    ...[...holders].map(([subject, who]) => `      { service: "${subject}", accounts: [${who.join(", ")}] }`),
    ...[...hearers].map(([subject, who]) => `      { stream: "${subject}", accounts: [${who.join(", ")}] }`),
    "    ]",
    "  }",
    ...accounts.flatMap(({ name, user, grants, news }) => [
      `  ${name} {`,
      // The server tells that this account has no JetStream of its own: the client then uses the hub's.
      ...users({ key: user, publish: ["$JS.API.INFO", ...grants.map(imported)], subscribe: [INBOX, ...news] }),
      "    imports = [",
      ...grants.map(serviceImport),
      ...news.map((subject) => `      { stream: { account: HUB, subject: "${subject}" } }`),
      "    ]",
      "  }",
    ]),
    "}",
    "system_account: SYS",
    "",
  ].join("\n");
}

interface Account {
  readonly name: string;
  /** Public key. */
  readonly user: string;
  /** Subjects that it may publish on. */
  readonly grants: readonly string[];
  /** Subjects that it hears. */
  readonly news: readonly string[];
}

/** @param prefix of the names */
function accountsOf(options: PipelineAccounts, prefix: string): readonly Account[] {
  const { pipeline, owners, shared, teams, followers, evaluator, evaluatorsDelete } = options;
  const names = namesOf(pipeline);
  const news = [pipeline, ...owners].flatMap((one) => newsOf(namesOf(one)));
  const account = (name: string, user: string, role: Role): Account => {
    const grants = subjectsOf([...grantsOf(names, role), ...sharingGrants(pipeline, owners, role)]);
    return { name: `${prefix}${name}`, user, grants, news };
  };
  return [
    account("EVALUATOR", evaluator, { kind: "evaluator", deletes: evaluatorsDelete, links: shared }),
    ...teams.map(({ name, publicKey, components }) =>
      account(`TEAM_${accountName(name)}`, publicKey, { kind: "trainer", components }),
    ),
    ...followers.map(({ name, publicKey }) =>
      account(`FOLLOWER_${accountName(name)}`, publicKey, { kind: "follower", name }),
    ),
  ];
}

function accountName(name: string): string {
  return name.replaceAll("-", "_").toUpperCase();
}

interface User {
  readonly key: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

function users(...all: readonly User[]): readonly string[] {
  const list = (subjects: readonly string[]) => subjects.map((subject) => `          "${subject}"`).join("\n");
  return [
    "    users = [",
    ...all.flatMap(({ key, publish, subscribe }) => [
      `      { nkey: ${key}, permissions: {`,
      `        publish: { allow: [\n${list(publish)}\n        ] }`,
      `        subscribe: { allow: [\n${list(subscribe)}\n        ] } } }`,
    ]),
    "    ]",
  ];
}

/** A granted subject in the account that imports it. */
function imported(subject: string): string {
  return subject.replace(/^\$JS\.API\./, HUB_API);
}

function serviceImport(subject: string): string {
  const to = imported(subject);
  return `      { service: { account: HUB, subject: "${subject}" }${to === subject ? "" : `, to: "${to}"`} }`;
}

/** Subjects whose messages wake readers; what they say is read from the streams. */
function newsOf(names: Names): readonly string[] {
  const { models: _, ...others } = names;
  return Object.values(others).map(({ subject }: { readonly subject: string }) => `${subject}.>`);
}
