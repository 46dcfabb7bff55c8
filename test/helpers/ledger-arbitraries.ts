import fc from "fast-check";
import {
  type CandidateRun,
  type Criterion,
  DECISION_REASONS,
  DECISIONS,
  type Decision,
  type Delivered,
  type LedgerEntry,
  ORDER_VERBS,
  type Order,
  RELEASE_KINDS,
  type Release,
  type ReleaseCause,
  type Served,
} from "../../services/pipeline/release.ts";
import { count, dictionary, digests, finite, name, serial, text, time, withLater } from "./arbitraries.ts";

const base = { version: fc.constant(1 as const), pipeline: name, at: time };
const composition = dictionary(serial);
const snapshots = withLater(fc.record({ component: name, serial }));
const reasons = fc.option(text);

const causes: fc.Arbitrary<ReleaseCause> = fc.oneof(
  withLater(fc.record({ type: fc.constantFrom("founded", "ungated", "bootstrap") })),
  withLater(fc.record({ type: fc.constant("decision" as const), position: serial })),
  withLater(fc.record({ type: fc.constant("quarantine" as const), snapshot: snapshots })),
  withLater(
    fc.record(
      { type: fc.constant("person" as const), by: text, reason: reasons, overrides: fc.array(text, { maxLength: 2 }) },
      { requiredKeys: ["type", "by", "reason"] },
    ),
  ),
);

const releases: fc.Arbitrary<Release> = serial.chain((number) =>
  withLater(
    fc.record({
      ...base,
      entry: fc.constant("release" as const),
      number: fc.constant(number),
      composition,
      previous: fc.constant(number === 1 ? null : number - 1),
      kind: fc.constantFrom(...RELEASE_KINDS),
      cause: causes,
      pinned: fc.array(name, { maxLength: 2 }),
      gate: fc.option(digests),
    }),
  ),
);

const criteria: fc.Arbitrary<Criterion> = withLater(
  fc.record(
    {
      name: fc.constantFrom("composed", "audited", "transition", "drift", "guard", "slice"),
      subject: text,
      difference: fc.option(finite),
      interval: fc.option(fc.tuple(finite, finite)),
      margin: finite,
      screened: fc.boolean(),
      confirmed: fc.option(fc.boolean()),
    },
    { requiredKeys: ["name", "difference", "interval", "margin", "screened", "confirmed"] },
  ),
);

const requiredOfDecision = {
  ...base,
  entry: fc.constant("decision" as const),
  moves: composition,
  release: count,
  decision: fc.constantFrom(...DECISIONS),
  reasons: fc.array(fc.oneof(fc.constantFrom(...DECISION_REASONS), name), { maxLength: 2 }),
  criteria: fc.array(criteria, { maxLength: 3 }),
  needs: fc.array(name, { maxLength: 2 }),
  mode: fc.constantFrom("observe", "enforce"),
  gate: digests,
  generation: count,
  asked: fc.option(withLater(fc.record({ part: fc.constantFrom("confirm", "reserve"), question: serial }))),
  by: text,
  seconds: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
};
const decisions: fc.Arbitrary<Decision> = withLater(
  fc.record(
    { ...requiredOfDecision, detail: text },
    { requiredKeys: Object.keys(requiredOfDecision) as (keyof typeof requiredOfDecision)[] },
  ),
);

const requiredOfOrder = {
  ...base,
  entry: fc.constant("order" as const),
  verb: fc.constantFrom(...ORDER_VERBS),
  snapshots: fc.array(snapshots, { maxLength: 2 }),
  by: text,
  reason: reasons,
};
const orders: fc.Arbitrary<Order> = withLater(
  fc.record(
    { ...requiredOfOrder, generation: serial },
    { requiredKeys: Object.keys(requiredOfOrder) as (keyof typeof requiredOfOrder)[] },
  ),
);

const candidateRuns: fc.Arbitrary<CandidateRun> = withLater(
  fc.record({
    ...base,
    entry: fc.constant("candidate-run" as const),
    id: name,
    state: fc.constantFrom("requested", "cancelled"),
    candidate: snapshots,
    consumer: name,
    attempt: serial,
    release: serial,
    upstream: composition,
    why: text,
  }),
);

const reports: fc.Arbitrary<Served> = withLater(
  fc.record({
    ...base,
    entry: fc.constant("served" as const),
    follower: fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/),
    release: serial,
    composition,
    since: time,
  }),
);

const deliveries: fc.Arbitrary<Delivered> = withLater(
  fc.record({ ...base, entry: fc.constant("delivered" as const), webhook: digests, position: count }),
);

export const ledgerEntries: fc.Arbitrary<LedgerEntry> = fc.oneof(
  releases,
  decisions,
  orders,
  candidateRuns,
  reports,
  deliveries,
);
