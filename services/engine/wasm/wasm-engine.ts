import { createHash } from "node:crypto";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import { availableCpus } from "../../common/available-cpus.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import { RecentlyUsed } from "../../common/recently-used.ts";
import { compileModule, type WasmModule } from "../../common/wasm/web-assembly.ts";
import type { CompiledEngine } from "../compiler/compiled-engine.ts";
import { recordStep } from "../compiler/tracing/record-step.ts";
import type { WasmTraining } from "../compiler/wasm/compile-training.ts";
import { TrainingCache } from "../compiler/wasm/training-cache.ts";
import type { EngineReason, RunningEngine, TrainingSession } from "../interface/engine.ts";
import type { Chunk, StateTensor, TrainingProgram, TrainingState } from "../interface/program.ts";
import { checkChunk, checkData, OneAtATime } from "../interface/program-shape.ts";
import { runningEngine } from "../interface/running-engine.ts";
import { checkState } from "../tfjs/optimizer-state.ts";
import { eachPiece } from "./pieces.ts";
import type { SessionPlan } from "./thread-messages.ts";
import { checkMemory } from "./wasm-instance.ts";
import { type WasmThread, WasmThreads } from "./wasm-threads.ts";

/** Values of a resident column, or of the state, that are copied at once: 2 MiB. */
const SENT_VALUES = 524_288;
/** Number of programs whose code is cached. */
const PROGRAMS_KEPT = 32;

export interface WasmEngineOptions {
  readonly clock: Clock;
  /** Why it was chosen; default: by name. */
  readonly reason?: EngineReason;
  /** Maximum number of threads, each with any number of sessions; defaults to the number of available processors. */
  readonly threads?: number;
}

/**
 * Runs compiled programs as WebAssembly. Each session runs on one thread; sessions run in parallel on up to one thread per
 * available processor. The same program, state, data and chunks give the same bits on every processor.
 */
export function createWasmEngine(options: WasmEngineOptions): CompiledEngine<WasmTraining> {
  const threads = new WasmThreads(options.threads ?? availableCpus());
  const trainings = new TrainingCache();
  // Threads share a module's compiled code. Two programs may compile to equal bytes.
  const modules = new RecentlyUsed<WasmModule>(PROGRAMS_KEPT);
  let sessions = 0;
  const engine: CompiledEngine<WasmTraining> = {
    name: "wasm",
    reason: options.reason ?? "selected",
    clock: options.clock,
    compile: (recorded, program) => trainings.compile(recorded, program),
    async open(compiled, program, data, rows, running = runningEngine(engine.name, engine.reason)) {
      const plan = sessionPlan(compiled, rows);
      checkMemory(plan);
      const session = new WasmSession(sessions++, running, program, compiled, rows, threads);
      try {
        const digest = createHash("sha256").update(compiled.bytes).digest("hex");
        await session.open(
          digest,
          modules.get(digest, () => compileModule(compiled.bytes)),
          plan,
          data,
        );
      } catch (thrown) {
        await session.dispose();
        throw thrown;
      }
      return session;
    },
    async prepare(program, data, rows) {
      checkData(program, data, rows);
      const recorded = recordStep(program);
      await yieldToEventLoop();
      const compiled = engine.compile(recorded, program);
      await yieldToEventLoop();
      return engine.open(compiled, program, data, rows);
    },
  };
  return engine;
}

/** What a session of a compiled program over this many rows keeps in memory. */
export function sessionPlan({ layout }: WasmTraining, rows: number): SessionPlan {
  return {
    heap: layout.heap,
    carried: layout.carried.map(({ address, parts }) => ({
      address,
      length: parts.reduce((sum, { shape }) => sum + elements(shape), 0),
    })),
    columns: layout.resident.map(({ width }) => rows * width),
  };
}

class WasmSession implements TrainingSession {
  readonly engine: RunningEngine;
  private readonly id: number;
  private readonly program: TrainingProgram;
  private readonly compiled: WasmTraining;
  private readonly rows: number;
  private readonly threads: WasmThreads;
  private readonly thread: WasmThread;
  private readonly turn = new OneAtATime();
  /** The part of the state that the schedule keeps. */
  private numbers: Float32Array;
  private disposal: Promise<void> | undefined;

  constructor(
    id: number,
    engine: RunningEngine,
    program: TrainingProgram,
    compiled: WasmTraining,
    rows: number,
    threads: WasmThreads,
  ) {
    this.id = id;
    this.engine = engine;
    this.program = program;
    this.compiled = compiled;
    this.rows = rows;
    this.threads = threads;
    this.thread = threads.take();
    this.numbers = compiled.schedule.stateOf(compiled.initial);
  }

  async open(
    digest: string,
    module: WasmModule,
    plan: SessionPlan,
    data: Readonly<Record<string, Float32Array>>,
  ): Promise<void> {
    const { layout, initial } = this.compiled;
    await this.thread.ask({ kind: "open", session: this.id, module, digest, plan });
    for (const [column, { name }] of layout.resident.entries()) await this.send(column, data[name] as Float32Array);
    await this.write(initial);
  }

  /** In parts, because copying hundreds of megabytes at once would hold this thread. */
  private async send(column: number, values: Float32Array): Promise<void> {
    for (let from = 0; from < values.length; from += SENT_VALUES) {
      const part = values.slice(from, from + SENT_VALUES);
      await this.thread.ask({ kind: "column", session: this.id, column, from, values: part }, [part.buffer]);
    }
  }

  run(chunk: Chunk): Promise<Float32Array> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkChunk(this.program, chunk, this.rows);
      const ahead = this.compiled.schedule.run(this.numbers, chunk.learningRates);
      const losses = await this.thread.ask({
        kind: "run",
        session: this.id,
        steps: chunk.steps,
        indices: chunk.indices,
        scheduled: ahead.columns,
        feeds: this.compiled.layout.feeds.map(({ name }) => chunk.feeds[name] as Float32Array),
      });
      this.numbers = ahead.state;
      return losses as Float32Array;
    });
  }

  state(): Promise<TrainingState> {
    return this.turn.run(async () => {
      this.checkOpen();
      const parts = this.compiled.layout.carried.flatMap((carried) => carried.parts);
      const arrays = parts.map(({ shape }) => new Float32Array(elements(shape)));
      await inParts(arrays, async (from, count, eachArray) => {
        const values = (await this.thread.ask({ kind: "state", session: this.id, from, count })) as Float32Array;
        eachArray((array, offset) => array.set(values.subarray(offset, offset + array.length)));
      });
      const named = new Map<string, StateTensor>(
        parts.map(({ name, shape }, index) => [name, { shape, values: arrays[index] as Float32Array }]),
      );
      this.compiled.schedule.states.forEach((name, index) => {
        const { shape } = this.compiled.initial[name] as StateTensor;
        named.set(name, { shape, values: this.numbers.slice(index, index + 1) });
      });
      // In the order of every other engine.
      const names = Object.keys(this.compiled.initial);
      return Object.fromEntries(names.map((name) => [name, named.get(name) as StateTensor]));
    });
  }

  restore(state: TrainingState): Promise<void> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkState(state, this.compiled.initial);
      await this.write(state);
      this.numbers = this.compiled.schedule.stateOf(state);
    });
  }

  dispose(): Promise<void> {
    this.disposal ??= this.close();
    return this.disposal;
  }

  private async close(): Promise<void> {
    if (this.thread.usable) await this.thread.ask({ kind: "close", session: this.id });
    this.threads.giveBack(this.thread);
  }

  private checkOpen(): void {
    if (this.disposal !== undefined) {
      throw new UncoupleError("failed-precondition", "the training session is disposed");
    }
  }

  /** Writes the module's carried vectors, of which the tensors are parts, one after another. */
  private async write(state: TrainingState): Promise<void> {
    const parts = this.compiled.layout.carried.flatMap((carried) => carried.parts);
    const arrays = parts.map(({ name }) => (state[name] as StateTensor).values);
    await inParts(arrays, async (from, count, eachArray) => {
      const values = new Float32Array(count);
      eachArray((array, offset) => values.set(array, offset));
      await this.thread.ask({ kind: "restore", session: this.id, from, values }, [values.buffer]);
    });
  }
}

/**
 * Goes through arrays that follow one another in parts of a size, because copying hundreds of megabytes at once would hold
 * this thread.
 * @param work is given a range of values, and what visits the arrays that lie in it, with their places in the range
 */
async function inParts(
  arrays: readonly Float32Array[],
  work: (
    from: number,
    count: number,
    eachArray: (visit: (array: Float32Array, offset: number) => void) => void,
  ) => Promise<void>,
): Promise<void> {
  const lengths = arrays.map(({ length }) => length);
  const all = lengths.reduce((sum, length) => sum + length, 0);
  for (let from = 0; from < all; from += SENT_VALUES) {
    const count = Math.min(SENT_VALUES, all - from);
    await work(from, count, (visit) =>
      eachPiece(lengths, from, count, (index, start, offset, length) =>
        visit((arrays[index] as Float32Array).subarray(start, start + length), offset),
      ),
    );
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, dimension) => product * dimension, 1);
}
