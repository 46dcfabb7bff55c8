import { noM9 } from "./fixtures.ts";
import type { WrongCommand } from "./wrong-command.ts";

/** With pages about runs, snapshots and studies. */
export const wrongReports: readonly WrongCommand[] = [
  {
    what: "a page about nothing",
    run: "report",
    exit: 2,
    says: "uncouple report: missing required argument 'run, snapshot or study'; see uncouple report --help",
  },
  {
    what: "a page about an unknown run or study",
    run: "report nobody",
    exit: 3,
    says: 'uncouple: no run or study found for "nobody"; list them with `uncouple runs` and `uncouple studies COMPONENT`',
  },
  {
    what: "a page about a component",
    run: "report m1",
    exit: 2,
    says: "uncouple: m1 is a component; name one of its snapshots, such as m1@1, or a run or study (see `uncouple runs m1`)",
  },
  {
    what: "a page about an unknown snapshot",
    run: "report m1@99",
    exit: 3,
    says: "uncouple: no snapshot m1@99: its newest is 1",
  },
  { what: "a page about a snapshot of an unknown component", run: "report m9@1", exit: 3, says: `uncouple: ${noM9}` },
  {
    what: "a page about a snapshot without a serial",
    run: "report m1@",
    exit: 2,
    says: "uncouple report: command-argument value 'm1@' is invalid for argument 'run, snapshot or study'. A serial must be a positive integer, not \"\"; see uncouple report --help",
  },
  {
    what: "a page in a folder that does not exist",
    run: "report m1@1 --out nowhere/page.html",
    exit: 2,
    says: "uncouple: cannot write nowhere/page.html: no such folder",
  },
  {
    what: "a page in place of a folder",
    files: { "page/kept": "" },
    run: "report m1@1 --out page",
    exit: 2,
    says: "uncouple: cannot write page: it is a folder",
  },
];
