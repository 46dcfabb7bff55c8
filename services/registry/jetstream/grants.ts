import type { EntryKind } from "../../pipeline/release.ts";
import { EVALUATOR_GROUP } from "../backplane.ts";
import { deliveredKey, servedKey } from "../ledger-rules.ts";
import { NO_OWNER, referenceOwner } from "../retention-index.ts";
import { ledgerSubject } from "./ledger.ts";
import { pipelineSubjects } from "./pipeline-log.ts";
import { LEDGER_RIGHTS, READ } from "./rights.ts";
import { compactedStreamsOf, type Names, namesOf, streamsOf } from "./streams.ts";

/** Whom a key of NATS is for. A team's key is that of its trainers. */
export type Role =
  | { readonly kind: "operator" }
  /** Who restores a backup writes every message of the pipeline again. */
  | { readonly kind: "restorer" }
  /**
   * `deletes`: whether evaluators delete models, as a pipeline file with `retention` wants. `links`: the components of other
   * pipelines, whose snapshots evaluators announce.
   */
  | { readonly kind: "evaluator"; readonly deletes: boolean; readonly links: readonly string[] }
  | { readonly kind: "trainer"; readonly components: readonly string[] }
  /** Who serves the releases: the name is that of its reports. */
  | { readonly kind: "follower"; readonly name: string };

/** A right, in words, and the subjects that it takes to publish on. They may have wildcards. */
export interface Grant {
  readonly right: string;
  readonly subjects: readonly string[];
}

/** The rights that a role needs, and no others: docs/security.md. */
export function grantsOf(names: Names, role: Role): readonly Grant[] {
  if (role.kind === "operator") return operatorGrants(names);
  if (role.kind === "restorer") return [...operatorGrants(names), ...restoreGrants(names)];
  return [...readGrants(names), ...ownGrants(names, role)];
}

function ownGrants(names: Names, role: Exclude<Role, { readonly kind: "operator" | "restorer" }>): readonly Grant[] {
  switch (role.kind) {
    case "evaluator":
      return evaluatorGrants(names, role);
    case "trainer":
      return trainerGrants(names, role.components);
    case "follower":
      return [ledgerGrant(names, "served", servedKey(role.name))];
  }
}

function ledgerGrant(names: Names, kind: EntryKind, key: string = kind): Grant {
  return { right: LEDGER_RIGHTS[kind], subjects: [ledgerSubject(names.releases, key)] };
}

/** What the services of a pipeline may do in the stores of the pipelines that it uses components of. */
export function sharingGrants(pipeline: string, owners: readonly string[], { kind }: Role): readonly Grant[] {
  return owners.flatMap((owner): Grant[] => {
    const names = namesOf(owner);
    const reads = readGrants(names).map(({ subjects }) => ({ right: `read what pipeline ${owner} stores`, subjects }));
    if (kind !== "evaluator") return reads;
    const subjects = [`${names.tombstones.subject}.*.*.${referenceOwner(pipeline)}`];
    return [...reads, { right: `refer to models of ${owner} as pipeline ${pipeline}`, subjects }];
  });
}

export function subjectsOf(grants: readonly Grant[]): readonly string[] {
  return [...new Set(grants.flatMap(({ subjects }) => subjects))];
}

function readGrants(names: Names): readonly Grant[] {
  const subjects = [
    "$JS.API.INFO",
    ...streamsOf(names).flatMap((stream) => [`$JS.API.STREAM.INFO.${stream}`, `$JS.API.STREAM.MSG.GET.${stream}`]),
    `$JS.API.DIRECT.GET.${names.models.stream}`,
  ];
  return [{ right: READ, subjects }];
}

function trainerGrants(names: Names, components: readonly string[]): readonly Grant[] {
  const { snapshots, aliases, tombstones, models, leases } = names;
  return [
    ...components.flatMap((component): Grant[] => [
      { right: `announce snapshots of ${component}`, subjects: [`${snapshots.subject}.${component}.*`] },
      { right: `move aliases of ${component}`, subjects: [`${aliases.subject}.${component}`] },
      { right: `pin models as ${component}`, subjects: [`${tombstones.subject}.*.*.${component}`] },
      {
        right: `store models of ${component}`,
        subjects: [`${models.subject}.C.${component}.*`, `${models.subject}.M.${component}.*`],
      },
      { right: `hold leases of ${component}`, subjects: [`${leases.subject}.${component}.*`] },
    ]),
    // The one lease that all trainers share.
    { right: "hold the turn of the sync protocol", subjects: [`${leases.subject}.train`] },
  ];
}

function evaluatorGrants(
  names: Names,
  { deletes, links }: Extract<Role, { readonly kind: "evaluator" }>,
): readonly Grant[] {
  const { snapshots, pipelines, verdicts, quarantines, tombstones, models, leases } = names;
  const queue = `${snapshots.stream}.${EVALUATOR_GROUP}`;
  return [
    {
      right: "take announcements from the evaluators' queue",
      subjects: [
        `$JS.API.CONSUMER.INFO.${queue}`,
        `$JS.API.CONSUMER.MSG.NEXT.${queue}`,
        `$JS.ACK.${queue}.>`,
        // With domain and account, as newer servers write it.
        `$JS.ACK.*.*.${queue}.>`,
      ],
    },
    { right: "start generations of held-out rows", subjects: [pipelineSubjects(pipelines).generations] },
    { right: "write verdicts", subjects: [`${verdicts.subject}.*.*`] },
    { right: "write quarantines", subjects: [`${quarantines.subject}.*.*`] },
    ledgerGrant(names, "release"),
    ledgerGrant(names, "decision"),
    ledgerGrant(names, "candidate-run"),
    ledgerGrant(names, "delivered", deliveredKey("*")),
    // While a release is written.
    { right: "pin models", subjects: [`${tombstones.subject}.*.*.${NO_OWNER}`] },
    { right: "hold leases", subjects: [`${leases.subject}.*`] },
    ...links.map((component) => ({
      right: `announce snapshots of ${component}`,
      subjects: [`${snapshots.subject}.${component}.*`],
    })),
    ...(deletes
      ? [
          {
            right: "delete models",
            subjects: [`${tombstones.subject}.*.*`, `$JS.API.STREAM.PURGE.${models.stream}`],
          },
        ]
      : []),
  ];
}

function operatorGrants(names: Names): readonly Grant[] {
  const { snapshots, pipelines, aliases, tombstones, models, leases } = names;
  const streams = streamsOf(names);
  const ofStreams = (...verbs: readonly string[]) =>
    streams.flatMap((stream) => verbs.map((verb) => `$JS.API.${verb}.${stream}`));
  const ofConsumers = (...verbs: readonly string[]) =>
    streams.flatMap((stream) => verbs.map((verb) => `$JS.API.CONSUMER.${verb}.${stream}.*`));
  return [
    {
      right: READ,
      subjects: [
        "$JS.API.INFO",
        "$JS.API.STREAM.NAMES",
        ...ofStreams("STREAM.INFO", "STREAM.MSG.GET", "DIRECT.GET"),
        ...ofConsumers("INFO", "MSG.NEXT"),
      ],
    },
    { right: "create streams", subjects: ofStreams("STREAM.CREATE") },
    { right: "change limits and replicas of streams", subjects: ofStreams("STREAM.UPDATE") },
    {
      right: "create and delete consumers",
      subjects: [
        ...ofStreams("CONSUMER.CREATE"),
        ...ofConsumers("DELETE"),
        `$JS.API.CONSUMER.DURABLE.CREATE.${snapshots.stream}.${EVALUATOR_GROUP}`,
      ],
    },
    { right: "apply pipeline files", subjects: [pipelineSubjects(pipelines).applied] },
    { right: "move aliases", subjects: [`${aliases.subject}.*`] },
    ledgerGrant(names, "release"),
    ledgerGrant(names, "order"),
    {
      right: "delete models",
      subjects: [`${tombstones.subject}.*.*`, `$JS.API.STREAM.PURGE.${models.stream}`],
    },
    {
      right: "compact logs",
      subjects: [
        ...compactedStreamsOf(names).flatMap((stream) => [
          `$JS.API.STREAM.MSG.DELETE.${stream}`,
          `$JS.API.STREAM.DELETE.${stream}`,
        ]),
        // Pointers to successors.
        ...[names.verdicts, names.quarantines, names.aliases].map(({ successor }) => successor.pointer),
      ],
    },
    // While an alias is changed, or a release is written.
    { right: "pin models", subjects: [`${tombstones.subject}.*.*.*`] },
    { right: "hold leases", subjects: [`${leases.subject}.*`] },
  ];
}

function restoreGrants(names: Names): readonly Grant[] {
  const { leases: _, ...restored } = names;
  return [
    {
      right: "delete and empty streams",
      subjects: streamsOf(names).flatMap((stream) => [
        `$JS.API.STREAM.DELETE.${stream}`,
        `$JS.API.STREAM.PURGE.${stream}`,
      ]),
    },
    {
      right: "write any message of the pipeline",
      subjects: Object.values(restored).map(({ subject }: { readonly subject: string }) => `${subject}.>`),
    },
  ];
}
