/** The streams of the pipeline `demo`. */
export const STREAMS = [
  ...["snapshots", "pipelines", "releases", "aliases", "verdicts", "quarantines", "tombstones"].map(
    (kind) => `uncouple-demo-${kind}`,
  ),
  "OBJ_uncouple-demo-models",
  "KV_uncouple-demo-leases",
];
const [SNAPSHOTS, MODELS] = ["uncouple-demo-snapshots", "OBJ_uncouple-demo-models"];
const EVIL = JSON.stringify({ forged: true });

/** A message that the owner of a key must not be able to send with an effect. */
export interface Attack {
  readonly what: string;
  readonly subject: string;
  readonly payload?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where the server's answer should go. */
  readonly reply?: string;
}

const forgery = (subject: string, headers?: Attack["headers"]): Attack => ({
  what: `writes on ${subject}${headers === undefined ? "" : ` with ${JSON.stringify(headers)}`}`,
  subject,
  payload: EVIL,
  ...(headers && { headers }),
});

/** Calls of the JetStream API that nobody but an operator may make, and some that nobody may. */
const apiAttacks = (prefix: string): readonly Attack[] => {
  const call = (verb: string, payload: unknown = {}): Attack => ({
    what: `calls ${prefix}.${verb}`,
    subject: `${prefix}.${verb}`,
    payload,
  });
  const push = { ack_policy: "none", deliver_policy: "all", deliver_subject: "uncouple.demo.snapshots.m1.77" };
  const create = (config: object) => ({ stream_name: MODELS, config });
  return [
    ...STREAMS.flatMap((stream) => [
      call(`STREAM.DELETE.${stream}`),
      call(`STREAM.PURGE.${stream}`),
      call(`STREAM.UPDATE.${stream}`, { name: stream, subjects: ["elsewhere"], max_msgs: 1 }),
      call(`STREAM.MSG.DELETE.${stream}`, { seq: 1 }),
      call(`CONSUMER.CREATE.${stream}`, { stream_name: stream, config: { ...push } }),
    ]),
    call("STREAM.CREATE.X", { name: "X", subjects: ["uncouple.demo.snapshots.>"] }),
    call(`CONSUMER.CREATE.${MODELS}.evil`, create({ ...push, name: "evil" })),
    call(`CONSUMER.CREATE.${MODELS}.evil.>`, create({ ...push, name: "evil", filter_subject: ">" })),
    call(`CONSUMER.DURABLE.CREATE.${MODELS}.evil`, create({ ...push, durable_name: "evil" })),
    call(`CONSUMER.DELETE.${SNAPSHOTS}.evaluator`),
    call(`STREAM.SNAPSHOT.${SNAPSHOTS}`, { deliver_subject: "uncouple.demo.snapshots.m1.78" }),
    call("STREAM.RESTORE.X", { config: { name: "X" } }),
    call(`STREAM.LEADER.STEPDOWN.${SNAPSHOTS}`),
    call("ACCOUNT.PURGE.HUB"),
  ];
};

/** Entries of the ledger. Somebody called `serving` follows releases. */
const ledgerForgeries = (...keys: readonly string[]): readonly Attack[] =>
  keys.map((key) => forgery(`uncouple.demo.releases.${key}`));

/** What an attacker could do with the rights of team m2, whose component reads from m1. */
export const teamAttacks: readonly Attack[] = [
  ...ledgerForgeries(
    "release",
    "decision",
    "order",
    "candidate-run",
    "served.serving",
    "served.m2",
    "delivered.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "else",
  ),
  forgery("uncouple.demo.snapshots.m1.2"),
  forgery("uncouple.demo.snapshots.m3.1"),
  forgery("uncouple.demo.verdicts.m2.1"),
  forgery("uncouple.demo.quarantines.m1.1"),
  forgery("uncouple.demo.aliases.m1"),
  forgery("uncouple.demo.pipelines.applied"),
  forgery("uncouple.demo.pipelines.generations"),
  forgery("uncouple.demo.tombstones.m1.1"),
  forgery("uncouple.demo.tombstones.m2.1"),
  // Pins of others.
  forgery("uncouple.demo.tombstones.m1.1.m1"),
  forgery("uncouple.demo.tombstones.m1.1._"),
  forgery("$O.uncouple-demo-models.C.m1.CHUNK"),
  forgery("$O.uncouple-demo-models.C.CHUNK"),
  forgery("$O.uncouple-demo-models.M.m1.NAME"),
  forgery("$O.uncouple-demo-models.M.NAME"),
  forgery("$KV.uncouple-demo-leases.m1.state-1"),
  forgery("$KV.uncouple-demo-leases.judging-1"),
  forgery("$KV.uncouple-demo-leases.gc"),
  ...Array.from({ length: 50 }, (_, flood) => forgery(`$KV.uncouple-demo-leases.flood-${flood}`)),
  // A message that would delete all others of its subject, or of its stream.
  ...["all", "sub"].flatMap((rollup) => [
    forgery("$O.uncouple-demo-models.C.m2.CHUNK", { "Nats-Rollup": rollup }),
    forgery("$KV.uncouple-demo-leases.m2.state-1", { "Nats-Rollup": rollup }),
    forgery("uncouple.demo.snapshots.m2.99", { "Nats-Rollup": rollup }),
  ]),
  ...apiAttacks("$JS.hub.API"),
  ...apiAttacks("$JS.API"),
  { what: "takes the evaluators' work", subject: `$JS.hub.API.CONSUMER.MSG.NEXT.${SNAPSHOTS}.evaluator`, payload: 1 },
  { what: "ends the evaluators' work", subject: `$JS.ACK.${SNAPSHOTS}.evaluator.1.1.1.1.0`, payload: "+TERM" },
  ...["uncouple.demo.snapshots.m1.5", "$JS.API.STREAM.PURGE.OBJ_uncouple-demo-models"].flatMap((reply) => [
    {
      what: `has model bytes sent to ${reply}`,
      subject: `$JS.hub.API.DIRECT.GET.${MODELS}`,
      payload: { seq: 1 },
      reply,
    },
    {
      what: `has a message sent to ${reply}`,
      subject: `$JS.hub.API.STREAM.MSG.GET.${SNAPSHOTS}`,
      payload: { seq: 1 },
      reply,
    },
    { what: `has a stream's state sent to ${reply}`, subject: `$JS.hub.API.STREAM.INFO.${MODELS}`, payload: {}, reply },
  ]),
];

/** What an attacker could do with the rights of `serving`. */
export const followerAttacks: readonly Attack[] = [
  ...teamAttacks.filter(({ subject }) => subject !== "uncouple.demo.releases.served.serving"),
  ...ledgerForgeries("served.other", "served"),
  forgery("uncouple.demo.snapshots.m2.2"),
  forgery("uncouple.demo.aliases.m2"),
  forgery("uncouple.demo.tombstones.m1.1.serving"),
  forgery("$O.uncouple-demo-models.C.m2.CHUNK"),
  forgery("$KV.uncouple-demo-leases.m2.state-1"),
  forgery("$KV.uncouple-demo-leases.train"),
  {
    what: "has a message sent as a release",
    subject: "$JS.hub.API.STREAM.MSG.GET.uncouple-demo-releases",
    payload: { seq: 1 },
    reply: "uncouple.demo.releases.release",
  },
];

/** With the evaluators' key. */
export const evaluatorAttacks: readonly Attack[] = [
  ...ledgerForgeries("order", "served.serving", "served.evaluator", "delivered"),
  forgery("uncouple.demo.tombstones.m1.1.m1"),
  forgery("uncouple.demo.snapshots.m1.2"),
  forgery("uncouple.demo.aliases.m1"),
  forgery("uncouple.demo.pipelines.applied"),
  forgery("$O.uncouple-demo-models.C.m1.CHUNK"),
  forgery("$KV.uncouple-demo-leases.m1.state-1"),
  ...apiAttacks("$JS.hub.API").filter(({ subject }) => !subject.endsWith(`STREAM.PURGE.${MODELS}`)),
  ...apiAttacks("$JS.API"),
  {
    what: "has a message sent as an announcement",
    subject: `$JS.hub.API.STREAM.MSG.GET.${SNAPSHOTS}`,
    payload: { seq: 1 },
    reply: "uncouple.demo.snapshots.m1.5",
  },
];

/** With the operator's key. */
export const operatorAttacks: readonly Attack[] = [
  ...ledgerForgeries(
    "decision",
    "candidate-run",
    "served.serving",
    "delivered.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
  ),
  forgery("uncouple.demo.snapshots.m1.2"),
  forgery("uncouple.demo.verdicts.m1.1"),
  { what: "deletes a stream", subject: `$JS.API.STREAM.DELETE.${SNAPSHOTS}`, payload: {} },
  { what: "empties a stream", subject: "$JS.API.STREAM.PURGE.KV_uncouple-demo-leases", payload: {} },
  { what: "deletes a message", subject: `$JS.API.STREAM.MSG.DELETE.${SNAPSHOTS}`, payload: { seq: 1 } },
];
