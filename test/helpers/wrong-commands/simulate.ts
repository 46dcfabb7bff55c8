import { POLICY_FORMS } from "../../../services/simulator/policies/all.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** What is kept of a simulation by an earlier version. */
const OLD = { "old/parts/simulation.json": '{"version":"0.0.1","scenario":{}}\n' };
const SCENARIO = `scenario: small
teams: { m1: { hiden: [4] }, m2: {} }
edges: { m2: [m3] }
policies: [async, casual]
seeds: [1, 1]
events: { scripted: [{ tick: 60, team: m1, kind: fire }] }
`;
const help = "see uncouple simulate --help";
const shard = "simulate --teams 2 --shard 0/2";

/** Of `uncouple simulate`. */
export const wrongSimulations: readonly WrongCommand[] = [
  {
    what: "an unknown policy",
    run: "simulate --policy async,causl",
    exit: 2,
    says: `uncouple: --policies: unknown policy "causl"; available: ${POLICY_FORMS.join(", ")}; did you mean "causal"?`,
  },
  {
    what: "a shard beyond the last one",
    run: "simulate --shard 3/2",
    exit: 2,
    says: `uncouple simulate: option '--shard <i/n>' argument '3/2' is invalid. Expected I/N with I from 0 to N - 1, such as 0/4; N is at most 100000; ${help}`,
  },
  {
    what: "a shard with changed assumptions",
    run: "simulate --shard 0/2 --sensitivity",
    exit: 2,
    says: "uncouple: --sensitivity needs the whole simulation: leave out --shard",
  },
  {
    what: "no seeds",
    run: "simulate --seeds 0",
    exit: 2,
    says: `uncouple simulate: option '--seeds <n>' argument '0' is invalid. Expected an integer between 1 and 10000; ${help}`,
  },
  {
    what: "problems in a scenario file, at once",
    files: { "bad.yaml": SCENARIO },
    run: "simulate bad.yaml",
    exit: 2,
    says: `uncouple: bad.yaml:2: teams.m1.hiden: unknown key; available: hidden, steps, every, width; did you mean "hidden"?
bad.yaml:4: policies[1]: unknown policy "casual"; available: ${POLICY_FORMS.join(", ")}; did you mean "causal"?
bad.yaml:5: seeds[1]: duplicate seed 1
bad.yaml:6: events.scripted[0].kind: must be one of upgrade, downgrade, bad-release, outage, split, not "fire"`,
  },
  {
    what: "a scenario whose teams form a cycle",
    files: { "bad.yaml": "scenario: small\nteams: { m1: {}, m2: {} }\nedges: { m2: [m1], m1: [m2] }\n" },
    run: "simulate bad.yaml",
    exit: 2,
    says: "uncouple: bad.yaml:3: edges: the teams form a cycle: m1 <- m2 <- m1",
  },
  {
    what: "results in a folder with parts of another version",
    files: OLD,
    run: "simulate --teams 2 --out old",
    exit: 5,
    says: "uncouple: HERE/old/parts has unfinished parts of version 0.0.1, not 0.1.0; remove it to start again, or choose another folder with --out",
  },
  {
    what: "results in a file",
    run: "simulate --teams 2 --out m1.yaml",
    exit: 2,
    says: "uncouple: cannot read HERE/m1.yaml/parts/simulation.json: part of the path is a file",
  },
  {
    what: "a merge of nothing",
    run: "simulate merge",
    exit: 2,
    says: "uncouple simulate merge: missing required argument 'places'; see uncouple simulate merge --help",
  },
  {
    what: "a merge of a folder without parts",
    run: "simulate merge nowhere",
    exit: 3,
    says: "uncouple: HERE/nowhere/parts has no parts of a simulation; run uncouple simulate --shard first",
  },
  {
    what: "a merge of a damaged folder",
    files: { "damaged/parts/simulation.json": "{" },
    run: "simulate merge damaged",
    exit: 9,
    says: "uncouple: simulation.json in HERE/damaged/parts is damaged",
  },
  {
    what: "a merge into a bucket",
    files: OLD,
    run: "simulate merge old --out nats://127.0.0.1:1/results",
    exit: 2,
    says: "uncouple: merge writes its results into a folder, not a bucket; change --out",
  },
  {
    what: "a merge of a bucket that does not exist",
    run: "simulate merge NATS/nothing",
    exit: 3,
    says: "uncouple: the NATS server at NATS has no bucket nothing",
  },
  {
    what: "a bucket for a whole simulation",
    run: "simulate --teams 2 --out nats://127.0.0.1:1/results",
    exit: 2,
    says: "uncouple: a bucket takes the parts of shards; add --shard I/N",
  },
  {
    what: "a bucket on an unreachable server",
    run: `${shard} --out nats://127.0.0.1:1/results`,
    exit: 7,
    says: "uncouple: cannot connect to the NATS server at nats://127.0.0.1:1: CONNECTION_REFUSED",
  },
  {
    what: "a server without a bucket",
    run: `${shard} --out nats://somebody:secret@127.0.0.1:1`,
    exit: 2,
    says: "uncouple: invalid bucket nats://127.0.0.1:1: expected nats://HOST:PORT/BUCKET",
  },
  {
    what: "a bucket by HTTP",
    run: `${shard} --out http://127.0.0.1:1/results`,
    exit: 2,
    says: 'uncouple: invalid NATS address "http://127.0.0.1:1": expected nats://host:port',
  },
  {
    what: "the bucket of a pipeline",
    run: `${shard} --out NATS/uncouple-paper-models`,
    exit: 2,
    says: 'uncouple: invalid bucket "uncouple-paper-models": expected letters, digits, hyphens and underscores; uncouple-... belong to pipelines',
  },
  {
    what: "a calibration without a pipeline",
    run: "simulate --calibrate --dir nowhere",
    exit: 2,
    says: "uncouple: no stack found; use --pipeline FILE with --calibrate",
  },
  {
    what: "a calibration from too few verdicts",
    run: "simulate --calibrate",
    exit: 5,
    says: "uncouple: pipeline paper has 2 verdicts on 2 components; calibration needs 10 on at least 2",
  },
];
