import type { MultiBar } from "cli-progress";
import { hasEnded, type Run } from "../../pipeline/run.ts";
import { formatNumber, formatSeconds } from "../../report/numbers.ts";
import type { TextStream } from "../context/context.ts";
import { formatProtocol } from "../flags/protocol-options.ts";
import { plain } from "./style.ts";

/** Progress of training runs: one bar per run on a terminal, one line per state change elsewhere. */
export interface RunProgress {
  update(run: Run): void;
  /** Hides the bars while `write` writes to the terminal. */
  aside(write: () => void): void;
  /** Removes the bars. */
  stop(): void;
}

/** @param stream usually standard error, because standard output has the result */
export async function createRunProgress(stream: TextStream): Promise<RunProgress> {
  return stream.isTTY === true ? barProgress(stream) : lineProgress(stream);
}

/** Progress that is not shown. */
export const noProgress: RunProgress = { update() {}, aside: (write) => write(), stop() {} };

function lineProgress(stream: TextStream): RunProgress {
  const states = new Map<string, string>();
  return {
    update(run) {
      if (states.get(run.id) === run.state || hasEnded(run)) return;
      states.set(run.id, run.state);
      stream.write(`${nameOf(run)}: ${run.state}\n`);
    },
    aside: (write) => write(),
    stop() {},
  };
}

async function barProgress(stream: TextStream): Promise<RunProgress> {
  const { MultiBar: Bars, Presets } = await import("cli-progress");
  const options = {
    format: "{name} [{bar}] {percentage} %  {what}",
    // A stream of the process itself, because the bars move its cursor.
    stream: stream as unknown as NodeJS.WritableStream,
    clearOnComplete: true,
    hideCursor: true,
    barsize: 24,
    fps: 10,
    gracefulExit: false,
  };
  const active = new Map<string, Run>();
  let shown: { readonly bars: MultiBar; readonly byRun: Map<string, ReturnType<MultiBar["create"]>> } | undefined;

  function clear(): void {
    shown?.bars.stop();
    shown = undefined;
  }

  function draw(): void {
    shown ??= { bars: new Bars(options, Presets.shades_classic), byRun: new Map() };
    const { bars, byRun } = shown;
    for (const run of active.values()) {
      const payload = { name: nameOf(run), what: progressText(run) };
      const bar = byRun.get(run.id) ?? bars.create(run.steps, run.step, payload);
      byRun.set(run.id, bar);
      bar.update(run.step, payload);
    }
  }

  return {
    update(run) {
      if (!hasEnded(run)) active.set(run.id, run);
      // A MultiBar can grow but not shrink, so it is redrawn.
      else if (active.delete(run.id)) clear();
      if (active.size > 0) draw();
    },
    aside(write) {
      clear();
      write();
    },
    stop: clear,
  };
}

function nameOf(run: Run): string {
  return plain(`${run.component} ${formatProtocol(run.protocol)}`);
}

/** Loss, rate and remaining time, or the state if they are not known yet. */
export function progressText(run: Run): string {
  if (run.state !== "running" || run.loss === null) return run.state;
  const { units } = run;
  const rounds = units === undefined ? "" : `  round ${units.round}/${units.rounds}, unit ${units.done}/${units.slots}`;
  const rate = run.stepsPerSecond === null ? "" : `  ${Math.round(run.stepsPerSecond)} steps/s`;
  const eta = run.etaSeconds === null ? "" : `  ${formatSeconds(run.etaSeconds)} left`;
  return `loss ${formatNumber(run.loss)}${rounds}${rate}${eta}`;
}
