import { nkeys } from "nats";
import { grantsOf, type Role, subjectsOf } from "./grants.ts";
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

export interface AccountsOptions {
  readonly pipeline: string;
  readonly teams: readonly TeamAccount[];
  readonly followers: readonly FollowerAccount[];
  /** Public keys of the users that are no team's. */
  readonly keys: {
    readonly evaluator: string;
    readonly operator: string;
    readonly restorer: string;
    readonly system: string;
  };
  /** Whether evaluators delete models, as a pipeline file with `retention` wants. */
  readonly evaluatorsDelete: boolean;
}

const INBOX = "_INBOX.>";

/**
 * Writes the accounts of a pipeline as a part of the configuration of nats-server 2.9 or newer. The hub account owns the
 * streams. Teams, evaluators and followers have accounts that own nothing and import exactly what they may do: replies are rewritten
 * between accounts, so that nobody can make the server publish on a subject of his choice. Consumers deliver to any subject
 * that their creator names, so only operators create them.
 */
export function accountsConfig({ pipeline, teams, followers, keys, evaluatorsDelete }: AccountsOptions): string {
  const names = namesOf(pipeline);
  const granted = (role: Role) => subjectsOf(grantsOf(names, role));
  const accounts = [
    { name: "EVALUATOR", user: keys.evaluator, grants: granted({ kind: "evaluator", deletes: evaluatorsDelete }) },
    ...teams.map(({ name, publicKey, components }) => ({
      name: `TEAM_${accountName(name)}`,
      user: publicKey,
      grants: granted({ kind: "trainer", components }),
    })),
    ...followers.map(({ name, publicKey }) => ({
      name: `FOLLOWER_${accountName(name)}`,
      user: publicKey,
      grants: granted({ kind: "follower", name }),
    })),
  ];
  const everyone = accounts.map(({ name }) => name);
  const holders = new Map<string, string[]>();
  for (const { name, grants } of accounts) {
    for (const subject of grants) holders.set(subject, [...(holders.get(subject) ?? []), name]);
  }
  const news = newsOf(names);
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
    ...news.map((subject) => `      { stream: "${subject}", accounts: [${everyone.join(", ")}] }`),
    "    ]",
    "  }",
    ...accounts.flatMap(({ name, user, grants }) => [
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
