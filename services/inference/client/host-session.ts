import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Column } from "../../data/table/table.ts";
import { ModelFault } from "../../learning/snapshot/faults/model-fault.ts";
import type { HostConnection, HostEnd } from "../connect/host-connector.ts";
import { bytesOf, encodeFrame } from "../frames/frame.ts";
import {
  type FromHost,
  MAX_HEADER_FROM_HOST,
  type Phase,
  type RunRequest,
  type StageRequest,
  type ToHost,
} from "../frames/messages.ts";
import {
  type HeldBytes,
  hostUnavailable,
  type InferencePlan,
  type RunOptions,
  type Stage,
  StageFault,
} from "../inference.ts";
import { checkWanted } from "./check-wanted.ts";
import { FrameReader } from "./frame-reader.ts";
import { createStageTimer } from "./stage-timer.ts";

/** How far a call has come. */
interface Reached {
  stage: number | undefined;
  loaded: boolean;
}

/** A host that ended during a call. */
export class HostDied extends Error {
  readonly end: HostEnd;
  /** The stage whose model it was loading or running; undefined if it had not begun with one. */
  readonly stage: number | undefined;
  /** Whether that model had been loaded. */
  readonly loaded: boolean;

  constructor(end: HostEnd, { stage, loaded }: Reached) {
    super(end.detail);
    this.name = "HostDied";
    this.end = end;
    this.stage = stage;
    this.loaded = loaded;
  }
}

/** A model whose bytes cannot be read. */
class ReadFailure extends Error {}

/** One call, with the keys that name what its plan contains. */
export interface Call {
  readonly plan: InferencePlan;
  readonly request: RunRequest;
  /** The columns of the plan, by key. */
  readonly columns: ReadonlyMap<string, Column>;
  readonly options: RunOptions;
}

interface Progress {
  readonly reached: Readonly<Reached>;
  /** Notes what the host says that it does. @throws if it cannot be */
  enter(stage: number, phase?: Phase): void;
  pause<T>(work: Promise<T>): Promise<T>;
}

/** How long a host may take to start. */
const START_MS = 60_000;
/** Bytes per write; each write that the host has taken shows that it lives. */
const WRITE_BYTES = 4 * 1024 ** 2;
/** Models of at most this many bytes are sent before the host asks for them. */
const AHEAD_BYTES = 256 * 1024;
/** Most keys of models that are remembered as sent. */
const MOST_KNOWN = 10_000;

/** A connection to one host, which runs one call at a time. */
export class HostSession {
  /** Whether it has done nothing yet. */
  fresh = true;
  held: HeldBytes = { columns: 0, outputs: 0, models: 0 };
  alive = true;
  /** Resolves once the host is gone. */
  readonly ended: Promise<unknown>;
  private readonly connection: HostConnection;
  private readonly reader: FrameReader;
  private readonly clock: Clock;
  private readonly timeoutMs: number;
  /** Most bytes of a frame's body. */
  private expected = 0;
  private busy = true;
  private sawLife: () => void = () => {};
  /** Keys of the models that it was sent, of which it may have dropped some. */
  private readonly known = new Set<string>();

  constructor(connection: HostConnection, clock: Clock, timeoutMs: number) {
    this.connection = connection;
    this.clock = clock;
    this.timeoutMs = timeoutMs;
    this.reader = new FrameReader(
      connection.output,
      () => ({ header: MAX_HEADER_FROM_HOST, body: this.expected }),
      () => {
        // A host speaks only when it is asked.
        if (this.busy) this.sawLife();
        else this.kill();
      },
    );
    this.ended = connection.ended.then(() => {
      this.alive = false;
    });
  }

  kill(): void {
    this.alive = false;
    this.connection.kill();
  }

  /** Waits until the host has started. @throws UncoupleError `unavailable` */
  async started(): Promise<void> {
    const timer = this.clock.after(START_MS, () => this.kill());
    try {
      const { header } = await this.reader.next();
      if (header.kind !== "ready") throw new Error("the host did not say that it has started");
    } catch (thrown) {
      this.kill();
      const { detail } = await this.connection.ended;
      throw hostUnavailable(`an inference host did not start: ${detail}`, thrown);
    } finally {
      timer.cancel();
      this.busy = false;
    }
  }

  /** @throws HostDied; StageFault; the reason of the signal */
  async run(call: Call): Promise<readonly Float32Array[]> {
    const { plan, options } = call;
    const reached: Reached = { stage: undefined, loaded: false };
    let overdue: HostEnd | undefined;
    const ahead = await this.firstUnknown(call);
    this.fresh = false;
    this.busy = true;
    const timer = createStageTimer(this.clock, this.timeoutMs, plan.rows, (detail) => {
      overdue = { death: "deadline", detail };
      this.kill();
    });
    this.sawLife = timer.sawLife;
    const abort = () => this.kill();
    options.signal?.addEventListener("abort", abort, { once: true });
    const enter = (stage: number, phase?: Phase): void => {
      if (stage >= plan.stages.length || stage < (reached.stage ?? 0)) throw new Error("the stages are out of order");
      if (stage !== reached.stage) timer.newStage();
      reached.loaded = phase !== undefined || (stage === reached.stage && reached.loaded);
      reached.stage = stage;
    };
    try {
      options.signal?.throwIfAborted();
      this.expected = Math.max(0, ...outputSizes(plan));
      const { request } = call;
      if (ahead === undefined) await this.send({ kind: "run", request });
      else await this.send({ kind: "run", request, ahead: ahead.stage }, ahead.bytes);
      return await this.converse(call, { enter, reached, pause: timer.pause });
    } catch (thrown) {
      options.signal?.throwIfAborted();
      if (thrown instanceof ReadFailure) throw thrown.cause;
      if (thrown instanceof UncoupleError && thrown.code !== "data-loss") throw thrown;
      // Whatever else went wrong with it, this host is not used again.
      this.kill();
      const end = await this.connection.ended;
      throw new HostDied(overdue ?? end, reached);
    } finally {
      options.signal?.removeEventListener("abort", abort);
      timer.stop();
      this.busy = false;
      this.expected = 0;
    }
  }

  /**
   * The first model that the host was never sent, if it is small: asking for it would cost as much time as a small model
   * takes. Larger ones wait until the host asks, so that no host has two at a time, and none dies while no model runs.
   */
  private async firstUnknown({ plan, request }: Call): Promise<{ stage: number; bytes: Uint8Array } | undefined> {
    const stage = request.stages.findIndex(({ model }) => !this.known.has(model));
    const model = plan.stages[stage]?.model;
    if (model === undefined || model.size > AHEAD_BYTES) return undefined;
    const bytes = await model.bytes();
    this.noteSent(request.stages[stage] as StageRequest);
    return { stage, bytes };
  }

  private noteSent({ model }: StageRequest): void {
    if (this.known.size >= MOST_KNOWN) this.known.clear();
    this.known.add(model);
  }

  private async converse(call: Call, { enter, reached, pause }: Progress): Promise<readonly Float32Array[]> {
    const { plan, options } = call;
    const sizes = outputSizes(plan);
    const outputs: Float32Array[] = [];
    for (;;) {
      const { header, body } = await this.reader.next();
      switch (header.kind) {
        case "ready":
          throw new Error("the host says twice that it has started");
        case "missing":
          enter(header.stage);
          await this.provide(call, header, pause);
          break;
        case "progress":
          enter(header.stage, header.phase);
          if (header.phase === "run") options.onPass?.(header.stage);
          break;
        case "output":
          if (body.byteLength !== sizes[outputs.length]) throw new Error("an output of another size");
          outputs.push(new Float32Array(body));
          break;
        case "done":
          this.held = header.held;
          if (outputs.length !== plan.wanted.length) throw new Error("outputs are missing");
          plan.wanted.forEach((wanted, index) => {
            checkWanted(plan.stages[wanted] as Stage, wanted, outputs[index] as Float32Array);
          });
          return outputs;
        case "failed":
          enter(header.stage);
          this.held = header.held;
          if (header.error.reason === undefined) {
            // A defect of the host may last: the next call gets another one.
            this.kill();
            throw new UncoupleError("internal", header.error.message);
          }
          throw new StageFault(header.stage, reached.loaded, new ModelFault(header.error.reason, header.error.message));
      }
    }
  }

  /** Sends what a stage is missing. */
  private async provide(
    { plan, columns, request }: Call,
    missing: FromHost & { readonly kind: "missing" },
    pause: Progress["pause"],
  ): Promise<void> {
    for (const key of missing.columns) {
      const column = columns.get(key);
      if (column === undefined) throw new Error("a column that the call does not have");
      if (column.kind === "numeric") {
        await this.send({ kind: "column", column: { kind: "numeric", width: column.width } }, column.values);
      } else {
        const { dictionary, codes } = column;
        await this.send({ kind: "column", column: { kind: "categorical", dictionary } }, codes);
      }
    }
    if (!missing.model) return;
    const { model } = plan.stages[missing.stage] as Stage;
    let bytes: Uint8Array;
    try {
      bytes = await pause(model.bytes());
    } catch (thrown) {
      await this.send({ kind: "abandon" });
      // Its answer says that the call was abandoned.
      while ((await this.reader.next()).header.kind !== "failed");
      throw new ReadFailure("cannot read a model", { cause: thrown });
    }
    this.noteSent(request.stages[missing.stage] as StageRequest);
    await this.send({ kind: "model" }, bytes);
  }

  private async send(message: ToHost, body?: ArrayBufferView): Promise<void> {
    const header = encodeFrame(message, body?.byteLength ?? 0);
    if (body === undefined) return this.write(header);
    const bytes = bytesOf(body);
    // Each write wakes the host.
    if (bytes.length <= AHEAD_BYTES) return this.write(Buffer.concat([header, bytes]));
    await this.write(header);
    for (let at = 0; at < bytes.length; at += WRITE_BYTES) await this.write(bytes.subarray(at, at + WRITE_BYTES));
  }

  private async write(bytes: Uint8Array): Promise<void> {
    const error = await new Promise<Error | null | undefined>((resolve) => {
      this.connection.input.write(bytes, resolve);
    });
    if (error) throw error;
    this.sawLife();
  }
}

/** Bytes of the wanted outputs. */
function outputSizes({ rows, stages, wanted }: InferencePlan): number[] {
  return wanted.map((index) => 4 * rows * (stages[index] as Stage).model.contract.output.width);
}
