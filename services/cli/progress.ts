import { type MultiBar, Presets } from "cli-progress";
import type { Run } from "../pipeline/run.ts";
import { formatNumber, formatSeconds } from "../report/numbers.ts";
import type { TextStream } from "./context.ts";
import { formatProtocol } from "./protocol-options.ts";
import { isEnded } from "./run-text.ts";
import { plain } from "./style.ts";

/** Progress of training runs: a bar each on a terminal, a line for each change of state elsewhere. */
export interface RunProgress {
  update(run: Run): void;
  /** Takes the bars away. */
  stop(): void;
}

const format = "{name} [{bar}] {percentage} %  {what}";

/** @param stream standard error, as a rule: the result stands on standard output */
export async function createRunProgress(stream: TextStream): Promise<RunProgress> {
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream);
}

function lineProgress(stream: TextStream): RunProgress {
  const states = new Map<string, string>();
  return {
    update(run) {
      if (states.get(run.id) === run.state || isEnded(run.state)) return;
      states.set(run.id, run.state);
      stream.write(`${nameOf(run)}: ${run.state}\n`);
    },
    stop() {},
  };
}

async function barProgress(stream: TextStream): Promise<RunProgress> {
  const { MultiBar: Bars } = await import("cli-progress");
  const options = {
    format,
    // The process's own stream, whose cursor the bars move.
    stream: stream as unknown as NodeJS.WritableStream,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
    fps: 10,
    gracefulExit: false,
  };
  const bars: MultiBar = new Bars(options, Presets.shades_classic);
  const byRun = new Map<string, ReturnType<MultiBar["create"]>>();
  return {
    update(run) {
      const name = nameOf(run);
      const bar = byRun.get(run.id) ?? bars.create(run.steps, 0, { name, what: "" });
      byRun.set(run.id, bar);
      bar.setTotal(run.steps);
      bar.update(run.step, { name, what: figures(run) });
      if (!isEnded(run.state)) return;
      bars.remove(bar);
      byRun.delete(run.id);
    },
    stop: () => bars.stop(),
  };
}

function nameOf(run: Run): string {
  return plain(`${run.component} ${formatProtocol(run.protocol)}`);
}

/** Loss, rate and time left, or the state where there are none yet. */
export function figures(run: Run): string {
  if (run.state !== "running" || run.loss === null) return run.state;
  const rate = run.stepsPerSecond === null ? "" : `  ${Math.round(run.stepsPerSecond)} steps/s`;
  const eta = run.etaSeconds === null ? "" : `  ${formatSeconds(run.etaSeconds)} left`;
  return `loss ${formatNumber(run.loss)}${rate}${eta}`;
}
