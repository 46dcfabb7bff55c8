import { noM9 } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** With releases, decisions and orders. The stack has release 1 of m1@1 and release 2 of m1@1 and m2@1, without a gate. */
export const wrongReleases: readonly WrongCommand[] = [
  {
    what: "a promotion of nothing",
    run: "promote",
    exit: 2,
    says: "uncouple promote: missing required argument 'snapshot[,snapshot...]'; see uncouple promote --help",
  },
  {
    what: "an invalid reference in a list",
    run: "promote m1@1,m2",
    exit: 2,
    says: "uncouple promote: command-argument value 'm1@1,m2' is invalid for argument 'snapshot[,snapshot...]'. Expected COMPONENT@SERIAL, for example m2@3; see uncouple promote --help",
  },
  { what: "a promotion of an unknown component", run: "promote m9@1", exit: 3, says: `uncouple: ${noM9}` },
  {
    what: "a promotion of an unknown snapshot",
    run: "promote m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  { what: "a snapshot that is named twice", run: "promote m1@1,m1@1", exit: 2, says: "uncouple: m1@1 is named twice" },
  {
    what: "a hold on an unknown component",
    run: "hold m9@1",
    exit: 3,
    says: `uncouple: ${noM9}`,
  },
  {
    what: "a promotion against a number that no release has",
    run: "promote m1@1 --against 0",
    exit: 2,
    says: "uncouple promote: option '--against <release>' argument '0' is invalid. Expected a positive integer; see uncouple promote --help",
  },
  {
    what: "a promotion against a release that is not in use any more",
    run: "promote m1@1 --against 1",
    exit: 4,
    says: "uncouple: release 2 is in use (newest judged snapshots), not release 1; see `uncouple release` and promote again",
  },
  {
    what: "refusing what is in use",
    run: "refuse m1@1",
    exit: 5,
    says: "uncouple: m1@1 is in use, by release 2; take it out of use with `uncouple rollback`, which holds it",
  },
  {
    what: "resuming what nobody holds",
    run: "resume m1@1",
    exit: 5,
    says: "uncouple: m1@1 is neither held nor refused",
  },
  {
    what: "a rollback to an unknown release",
    run: "rollback --to 99",
    exit: 3,
    says: "uncouple: no release 99: the newest is 2",
  },
  {
    what: "a rollback to what is in use",
    run: "rollback --to 2",
    exit: 5,
    says: "uncouple: the composition of release 2 is in use already",
  },
  {
    what: "a rollback of a component to a release",
    run: "rollback m1 --to 1",
    exit: 2,
    says: "uncouple: give a component or --to, not both: a release has all components",
  },
  {
    what: "a rollback of an alias without a component",
    run: "rollback --alias audited",
    exit: 2,
    says: "uncouple: --alias needs a component",
  },
  { what: "an unknown release", run: "release 99", exit: 3, says: "uncouple: no release 99: the newest is 2" },
  {
    what: "a release by something else than its number",
    run: "release newest",
    exit: 2,
    says: "uncouple release: command-argument value 'newest' is invalid for argument 'number'. Expected a positive integer; see uncouple release --help",
  },
  {
    what: "no releases at all",
    run: "releases --limit 0",
    exit: 2,
    says: "uncouple releases: option '--limit <count>' argument '0' is invalid. Expected a positive integer; see uncouple releases --help",
  },
  { what: "decisions about an unknown component", run: "decisions m9@1", exit: 3, says: `uncouple: ${noM9}` },
  {
    what: "decisions about an unknown snapshot",
    run: "decisions m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  {
    what: "opening the reserve without a gate",
    run: "gate --open-reserve --reason spent",
    exit: 5,
    says: "uncouple: the pipeline file in force has no gate with mode enforce, so nothing asks the reserve rows",
  },
  {
    what: "a reason for looking",
    run: "gate --reason curious",
    exit: 2,
    says: "uncouple: --reason goes with --open-reserve",
  },
  {
    what: "the status of another pipeline than the stack's",
    run: "status --pipeline papre",
    exit: 2,
    says: "uncouple: the stack runs pipeline paper, not papre; use --nats to connect to another server",
  },
];
