import { noM9 } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** With commands, flags, folders and addresses. */
export const wrongFlags: readonly WrongCommand[] = [
  {
    what: "an unknown command",
    run: "trian m1",
    exit: 2,
    says: "uncouple: unknown command 'trian' (Did you mean train?); see uncouple --help",
  },
  {
    what: "an unknown flag",
    run: "train m1 --folow",
    exit: 2,
    says: "uncouple train: unknown option '--folow' (Did you mean --follow?); see uncouple train --help",
  },
  {
    what: "an invalid reference",
    run: "show m1@x",
    exit: 2,
    says: "uncouple show: command-argument value 'm1@x' is invalid for argument 'component@serial'. A serial must be a positive integer, not \"x\"; see uncouple show --help",
  },
  {
    what: "an unknown snapshot",
    run: "show m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "a sweep of another pipeline than the stack's",
    run: "sweep --pipeline papre",
    exit: 2,
    says: "uncouple: the stack runs pipeline paper, not papre; use --nats to connect to another server",
  },
  {
    what: "a sweep with an unknown flag",
    run: "sweep --dry",
    exit: 2,
    says: "uncouple sweep: unknown option '--dry'; see uncouple sweep --help",
  },
  {
    what: "a snapshot of an unknown component",
    run: "export m9@1 m9.onnx",
    exit: 3,
    says: `uncouple: ${noM9}`,
  },
  {
    what: "an export to an existing file",
    run: "export m1@1 m1.yaml",
    exit: 4,
    says: "uncouple: m1.yaml already exists; use --force to overwrite it",
  },
  {
    what: "an export into a missing folder",
    run: "export m1@1 nowhere/m1.onnx",
    exit: 2,
    says: "uncouple: cannot write nowhere/m1.onnx: no such folder",
  },
  {
    what: "a role that there is not",
    run: "doctor --as trainer",
    exit: 2,
    says: "uncouple doctor: option '--as <role>' argument 'trainer' is invalid. Expected operator, evaluator or trainer:COMPONENT; see uncouple doctor --help",
  },
  {
    what: "a parameter without a value",
    run: "train m2 --protocol proximal --param sigma",
    exit: 2,
    says: "uncouple train: option '--param <name=value>' argument 'sigma' is invalid. Expected NAME=VALUE, for example sigma=0.15; see uncouple train --help",
  },
  {
    what: "a parameter that is not a number",
    run: "train m2 --protocol proximal --param sigma=much",
    exit: 2,
    says: 'uncouple: request: protocol.sigma: must be a number, not "much"',
  },
  {
    what: "an alias of an unknown snapshot",
    run: "alias m1 champion 99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "an invalid alias name",
    run: "alias m1 Champion! 1",
    exit: 2,
    says: 'uncouple: alias "Champion!": a name is a lower-case letter and then up to 62 lower-case letters, digits or hyphens',
  },
  {
    what: "an alias name that JavaScript reserves",
    run: "alias m1 constructor 1",
    exit: 2,
    says: 'uncouple: alias "constructor": must be another name, JavaScript keeps this one for itself',
  },
  {
    what: "a rollback without a history",
    run: "rollback m1",
    exit: 5,
    says: "uncouple: alias champion of m1 never pointed anywhere else: there is nothing to go back to",
  },
  {
    what: "a missing stack",
    run: "runs --dir nowhere",
    exit: 5,
    says: "uncouple: no stack found at HERE/nowhere/stack.json; start one with `uncouple up PIPELINE TEAM...`, or specify the trainer with --trainer HOST:PORT",
  },
  {
    what: "a second stack in one folder",
    run: "up pipeline.yaml m1.yaml m2.yaml",
    exit: 4,
    says: "uncouple: a stack of pipeline paper is running from STACK/stack.json (process PID); stop it, or use a different --dir",
  },
  {
    what: "a file instead of a stack's folder",
    run: "up pipeline.yaml m1.yaml m2.yaml --dir m1.yaml",
    exit: 2,
    says: "uncouple: cannot use HERE/m1.yaml as a folder: a file with that name exists",
  },
  {
    what: "a stack's folder below a file",
    run: "up pipeline.yaml m1.yaml m2.yaml --dir m1.yaml/stack",
    exit: 2,
    says: "uncouple: cannot use HERE/m1.yaml/stack as a folder: part of the path is a file",
  },
  ...["up pipeline.yaml m1.yaml m2.yaml --dir", "reproduce figure1 --seeds 1 --out"].map((run) => ({
    what: `a folder that cannot be created: ${run}`,
    run: `${run} /proc/nowhere`,
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere as a folder: the file system does not allow creating a folder there",
  })),
  {
    what: "a demo folder that cannot be created",
    run: "demo --out /proc/nowhere",
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere/stack as a folder: the file system does not allow creating a folder there",
  },
  {
    what: "a state folder that cannot be created",
    run: "trainer --pipeline pipeline.yaml --team m1.yaml --nats NATS --port 0 --metrics-port 0 --state /proc/nowhere",
    exit: 2,
    says: "uncouple: cannot use /proc/nowhere/paper/m1 as a folder: the file system does not allow creating a folder there",
  },
  {
    what: "an export to a file that cannot be created",
    run: "export m1@1 /proc/nowhere.onnx",
    exit: 2,
    says: "uncouple: cannot write /proc/nowhere.onnx: no such folder",
  },
  {
    what: "an unreachable trainer",
    run: "train m1 --trainer 127.0.0.1:1",
    exit: 7,
    says: "uncouple: cannot reach 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
  },
  {
    what: "an unreachable evaluator",
    run: "verdicts --evaluator 127.0.0.1:1",
    exit: 7,
    says: "uncouple: cannot reach 127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1",
  },
  {
    what: "an unreachable NATS server",
    run: "snapshots --nats 127.0.0.1:1 --pipeline paper",
    exit: 7,
    says: "uncouple: cannot connect to the NATS server at nats://127.0.0.1:1: CONNECTION_REFUSED",
  },
  {
    what: "a trainer whose NATS server stays unreachable",
    run: "trainer --pipeline pipeline.yaml --team m1.yaml --nats 127.0.0.1:1 --startup-timeout 1s --port 0 --metrics-port 0",
    exit: 7,
    says: "uncouple: cannot connect to the NATS server at nats://127.0.0.1:1: CONNECTION_REFUSED",
  },
];
