import type * as Tf from "@tensorflow/tfjs";
import { yieldToEventLoop } from "../../common/async/yield.ts";
import type { Clock } from "../../common/clock/clock.ts";
import { UncoupleError } from "../../common/errors.ts";
import type { Engine, EngineReason, RunningEngine, TrainingSession } from "../interface/engine.ts";
import type { Chunk, TrainingProgram, TrainingState } from "../interface/program.ts";
import { checkChunk, checkData, OneAtATime } from "../interface/program-shape.ts";
import { runningEngine } from "../interface/running-engine.ts";
import { checkState, openTrainingStep, readState, type TrainingStep } from "../tfjs/optimizer-state.ts";
import { tf } from "../tfjs/tf.ts";
import { createTfjsSandbox, type TfjsSandbox } from "../tfjs/tfjs-sandbox.ts";

/** After this many milliseconds of steps, whatever else waits on the thread gets its turn. */
const SLICE_MS = 15;

/**
 * An engine that runs a program eagerly on a tfjs backend, kernel by kernel.
 *
 * @param backend a tfjs backend that is registered and starts synchronously
 */
export function createEagerEngine(
  name: string,
  backend: string,
  clock: Clock,
  reason: EngineReason = "selected",
): Engine {
  const running = runningEngine(name, reason);
  return {
    name,
    reason,
    clock,
    async prepare(program, data, rows) {
      checkData(program, data, rows);
      const sandbox = createTfjsSandbox(backend);
      try {
        return sandbox.open(() => {
          const step = openTrainingStep(program.build(), program.optimizer);
          const resident: Record<string, Tf.Tensor2D> = {};
          for (const [column, { width }] of Object.entries(program.resident)) {
            resident[column] = tf.tensor2d(data[column] as Float32Array, [rows, width]);
          }
          return new EagerSession(running, program, sandbox, step, resident, rows, clock);
        });
      } catch (thrown) {
        sandbox.close();
        throw thrown;
      }
    },
  };
}

/** The engine that the others are compared with: tfjs in plain JavaScript. */
export function createReferenceEngine(clock: Clock): Engine {
  return createEagerEngine("reference", "cpu", clock);
}

class EagerSession implements TrainingSession {
  readonly engine: RunningEngine;
  private readonly program: TrainingProgram;
  private readonly sandbox: TfjsSandbox;
  private readonly step: TrainingStep;
  private readonly resident: Readonly<Record<string, Tf.Tensor2D>>;
  private readonly rows: number;
  private readonly clock: Clock;
  private readonly turn = new OneAtATime();
  private disposed = false;

  constructor(
    engine: RunningEngine,
    program: TrainingProgram,
    sandbox: TfjsSandbox,
    step: TrainingStep,
    resident: Readonly<Record<string, Tf.Tensor2D>>,
    rows: number,
    clock: Clock,
  ) {
    this.engine = engine;
    this.program = program;
    this.sandbox = sandbox;
    this.step = step;
    this.resident = resident;
    this.rows = rows;
    this.clock = clock;
  }

  run(chunk: Chunk): Promise<Float32Array> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkChunk(this.program, chunk, this.rows);
      const losses = new Float32Array(chunk.steps);
      for (let done = 0; done < chunk.steps; ) {
        const from = done;
        done = this.sandbox.run(() => this.slice(chunk, from, losses));
        await yieldToEventLoop();
      }
      return losses;
    });
  }

  /** Runs steps until the slice of time is over. @returns the first step not run */
  private slice(chunk: Chunk, from: number, losses: Float32Array): number {
    const end = this.clock.elapsed() + SLICE_MS;
    const pending: Tf.Scalar[] = [];
    let index = from;
    do {
      pending.push(tf.tidy(() => this.one(chunk, index)));
      index++;
    } while (index < chunk.steps && this.clock.elapsed() < end);
    // Read once a slice: on a GPU every read waits for the device.
    losses.set(tf.stack(pending).dataSync() as Float32Array, from);
    return index;
  }

  private one(chunk: Chunk, index: number): Tf.Scalar {
    const { batch, feeds } = this.program;
    const rows = tf.tensor1d(chunk.indices.subarray(index * batch, (index + 1) * batch), "int32");
    const inputs: Record<string, Tf.Tensor2D> = {};
    for (const [name, column] of Object.entries(this.resident)) inputs[name] = tf.gather(column, rows);
    for (const [name, { width }] of Object.entries(feeds)) {
      const size = batch * width;
      const values = (chunk.feeds[name] as Float32Array).slice(index * size, (index + 1) * size);
      inputs[name] = tf.tensor2d(values, [batch, width]);
    }
    return this.step.run(inputs, chunk.learningRates[index] as number);
  }

  state(): Promise<TrainingState> {
    return this.turn.run(async () => {
      this.checkOpen();
      return this.sandbox.run(() => readState(this.step.state));
    });
  }

  restore(state: TrainingState): Promise<void> {
    return this.turn.run(async () => {
      this.checkOpen();
      checkState(state, this.step.state);
      this.sandbox.run(() => {
        for (const [name, variable] of Object.entries(this.step.state)) {
          const { values, shape } = state[name] as TrainingState[string];
          variable.assign(tf.tensor(values.slice(), [...shape]));
        }
      });
    });
  }

  async dispose(): Promise<void> {
    if (this.disposed) return;
    this.disposed = true;
    this.sandbox.run(() => this.step.dispose());
    this.sandbox.close();
  }

  private checkOpen(): void {
    if (this.disposed) throw new UncoupleError("failed-precondition", "the training session is disposed");
  }
}
