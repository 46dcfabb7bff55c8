import { join } from "node:path";
import { readStack, type Stack } from "../../services/cli/connect/stack-file.ts";
import { natsServerBinary } from "./nats-server.ts";
import { descendants, processList, runCliProcess, spawnCli } from "./spawn-cli.ts";

export interface Where {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Nothing of the tester's own stack. */
const bare = { NATS_URL: "", UNCOUPLE_DIR: undefined, UNCOUPLE_TRAINER: undefined, UNCOUPLE_EVALUATOR: undefined };

/** Runs one command line of the built `uncouple` as a process of its own, with no terminal. */
export function uncouple(args: readonly string[], { cwd, env }: Where) {
  return runCliProcess(args, { cwd, env: { ...bare, ...env } });
}

/** A stack that the built `uncouple up` runs. */
export interface UpOfTest {
  readonly stack: Stack;
  /** Folder of the stack file. */
  readonly dir: string;
  /** All that it has printed. */
  output(): string;
  /** The process of a part that runs now: `nats-server`, `evaluator`, `trainer m1`; undefined while there is none. */
  pidOf(part: string): Promise<number | undefined>;
  /** Sends a signal to `up` and waits for its end. @returns its exit code */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * `uncouple up`, when it is ready; its stack file is in `.uncouple`, where other commands find it.
 * @param files a team file is called as its component: `m1.yaml`
 */
export async function up(files: readonly string[], { cwd, env }: Where): Promise<UpOfTest> {
  await natsServerBinary();
  const command = spawnCli(["up", ...files], { cwd, env: { ...bare, ...env } });
  await command.seen(/press Ctrl-C to stop/);
  const dir = join(cwd, ".uncouple");
  const stack = await readStack(dir);
  if (stack === undefined) throw new Error(`up is ready and has written no stack file:\n${command.stderr()}`);
  return {
    stack,
    dir,
    output: () => command.stdout() + command.stderr(),
    async pidOf(part) {
      const [kind = "", component] = part.split(" ");
      const its = new RegExp(
        kind === "trainer" ? ` trainer .*/${component}\\.yaml ` : `^\\S*${kind} |main\\.js ${kind} `,
      );
      const below = new Set(await descendants(command.child.pid ?? 0));
      return (await processList()).find(({ pid, args }) => below.has(pid) && its.test(args))?.pid;
    },
    async end(signal) {
      command.child.kill(signal);
      return command.ended;
    },
  };
}
