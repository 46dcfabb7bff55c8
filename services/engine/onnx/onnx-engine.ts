import { createHash } from "node:crypto";
import { availableCpus } from "../../common/available-cpus.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { ExecutionProvider } from "../../pipeline/team.ts";
import type { CompiledEngine } from "../compiler/compiled-engine.ts";
import { recordStep } from "../compiler/tracing/record-step.ts";
import { type CompiledTraining, compileStep } from "../compiler/training.ts";
import type { EngineReason, RunningEngine, TrainingSession } from "../interface/engine.ts";
import type { Chunk, StateTensor, TrainingProgram, TrainingState } from "../interface/program.ts";
import { checkChunk, checkData, OneAtATime } from "../interface/program-shape.ts";
import { runningEngine } from "../interface/running-engine.ts";
import { checkState } from "../tfjs/optimizer-state.ts";
import { type OnnxThread, OnnxThreadPool } from "./onnx-thread.ts";
import type { CarriedTensor } from "./thread-messages.ts";

/** Multiplications in a matrix product from which several threads pay off. */
const SHARED_PRODUCT = 4_000_000;
const BREAK_MS = 4;
/** Values of a resident column that are copied at once: 2 MiB. */
const SENT_VALUES = 524_288;

export interface OnnxEngineOptions {
  readonly clock: Clock;
  /** Why it was chosen; default: by name. */
  readonly reason?: EngineReason;
  /** Threads per matrix product; defaults to a number chosen by the size of the program. */
  readonly threads?: number;
}

/** Runs compiled programs on ONNX Runtime, on a dedicated thread, so that chunks never block the JavaScript thread. */
export function createOnnxEngine(
  provider: ExecutionProvider,
  options: OnnxEngineOptions,
): CompiledEngine<CompiledTraining> {
  const { clock, reason = "selected" } = options;
  const name = `onnx:${provider}`;
  const pool = new OnnxThreadPool();
  const engine: CompiledEngine<CompiledTraining> = {
    name,
    reason,
    clock,
    compile: compileStep,
    async open(compiled, program, data, rows, running = runningEngine(name, reason)) {
      const session = new OnnxSession(running, program, compiled, rows, pool);
      try {
        await session.open(provider, data, options.threads);
      } catch (thrown) {
        await session.dispose();
        throw thrown;
      }
      return session;
    },
    async prepare(program, data, rows) {
      checkData(program, data, rows);
      // Recording and compiling block this thread for tens of milliseconds each, the first time. The pauses let pending
      // calls be answered, which takes several turns of the event loop.
      const recorded = recordStep(program);
      await clock.sleep(BREAK_MS);
      const compiled = engine.compile(recorded, program);
      await clock.sleep(BREAK_MS);
      return engine.open(compiled, program, data, rows);
    },
  };
  return engine;
}

class OnnxSession implements TrainingSession {
  readonly engine: RunningEngine;
  private readonly program: TrainingProgram;
  private readonly compiled: CompiledTraining;
  private readonly rows: number;
  private readonly thread: OnnxThread;
  private readonly pool: OnnxThreadPool;
  private readonly turn = new OneAtATime();
  /** The part of the state that the schedule keeps. */
  private numbers: Float32Array;
  private disposal: Promise<void> | undefined;

  constructor(
    engine: RunningEngine,
    program: TrainingProgram,
    compiled: CompiledTraining,
    rows: number,
    pool: OnnxThreadPool,
  ) {
    this.engine = engine;
    this.program = program;
    this.compiled = compiled;
    this.rows = rows;
    this.thread = pool.take();
    this.pool = pool;
    this.numbers = compiled.schedule.stateOf(compiled.initial);
  }

  async open(
    provider: ExecutionProvider,
    data: Readonly<Record<string, Float32Array>>,
    threads = threadsFor(this.compiled),
  ): Promise<void> {
    const { bytes, resident, initial } = this.compiled;
    const widths: Record<string, number> = {};
    for (const name of resident) {
      widths[name] = this.program.resident[name]?.width as number;
      await this.send(name, data[name] as Float32Array);
    }
    await this.thread.ask({
      kind: "open",
      digest: createHash("sha256").update(bytes).update(`${provider} ${threads}`).digest("hex"),
      model: bytes,
      provider,
      threads,
      resident: widths,
      rows: this.rows,
      state: this.carried(initial),
    });
  }

  /** Sends in parts, because copying hundreds of megabytes at once would block this thread. */
  private async send(name: string, values: Float32Array): Promise<void> {
    for (let from = 0; from < values.length; from += SENT_VALUES) {
      const part = values.slice(from, from + SENT_VALUES);
      await this.thread.ask({ kind: "column", name, length: values.length, from, values: part }, [part.buffer]);
    }
  }

  run(chunk: Chunk): Promise<Float32Array> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkChunk(this.program, chunk, this.rows);
      const feeds: Record<string, { values: Float32Array; width: number }> = {};
      for (const name of this.compiled.feeds) {
        feeds[name] = {
          values: chunk.feeds[name] as Float32Array,
          width: this.program.feeds[name]?.width as number,
        };
      }
      const ahead = this.compiled.schedule.run(this.numbers, chunk.learningRates);
      const losses = await this.thread.ask({
        kind: "run",
        steps: chunk.steps,
        batch: this.program.batch,
        indices: chunk.indices,
        scheduled: ahead.columns,
        feeds,
      });
      this.numbers = ahead.state;
      return losses as Float32Array;
    });
  }

  state(): Promise<TrainingState> {
    return this.turn.run(async () => {
      this.checkOpen();
      const vectors = (await this.thread.ask({ kind: "state" })) as readonly Float32Array[];
      const named = new Map<string, StateTensor>();
      this.compiled.carried.forEach(({ parts }, index) => {
        let offset = 0;
        for (const { name, shape } of parts) {
          const size = elements(shape);
          named.set(name, { shape, values: (vectors[index] as Float32Array).slice(offset, offset + size) });
          offset += size;
        }
      });
      this.compiled.schedule.states.forEach((name, index) => {
        const { shape } = this.compiled.initial[name] as StateTensor;
        named.set(name, { shape, values: this.numbers.slice(index, index + 1) });
      });
      // In the same order as the other engines.
      const names = Object.keys(this.compiled.initial);
      return Object.fromEntries(names.map((name) => [name, named.get(name) as StateTensor]));
    });
  }

  restore(state: TrainingState): Promise<void> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkState(state, this.compiled.initial);
      await this.thread.ask({ kind: "restore", state: this.carried(state) });
      this.numbers = this.compiled.schedule.stateOf(state);
    });
  }

  dispose(): Promise<void> {
    this.disposal ??= this.close();
    return this.disposal;
  }

  private async close(): Promise<void> {
    if (!this.thread.usable) return;
    await this.thread.ask({ kind: "close" });
    this.pool.giveBack(this.thread);
  }

  private checkOpen(): void {
    if (this.disposal !== undefined) {
      throw new UncoupleError("failed-precondition", "the training session is disposed");
    }
  }

  /** A state as the graph's carried inputs. */
  private carried(state: TrainingState): CarriedTensor[] {
    return this.compiled.carried.map(({ shape, parts }) => {
      const values = new Float32Array(elements(shape));
      let offset = 0;
      for (const { name } of parts) {
        const part = (state[name] as StateTensor).values;
        values.set(part, offset);
        offset += part.length;
      }
      return { shape, values };
    });
  }
}

function threadsFor(compiled: CompiledTraining): number {
  return compiled.largestProduct >= SHARED_PRODUCT ? Math.min(availableCpus(), 8) : 1;
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
