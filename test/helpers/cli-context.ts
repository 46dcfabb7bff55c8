import type { CliContext } from "../../services/cli/context/context.ts";
import { systemClock } from "../../services/common/clock/system-clock.ts";

/** The context of a command that prints nothing, with no terminal and an empty environment. */
export const silentContext: CliContext = {
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  env: {},
  cwd: import.meta.dirname,
  clock: systemClock,
  interrupted: new AbortController().signal,
  takeSignals: () => {
    throw new TypeError("a service is started as a process of its own, not in a test's");
  },
};
