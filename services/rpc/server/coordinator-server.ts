import { createNotifier } from "../../common/async/notifier.ts";
import { asUncoupleError, UncoupleError } from "../../common/errors.ts";
import { chunksOf } from "../chunks.ts";
import { encodeUint64 } from "../codecs/fields.ts";
import { decodeJoin, encodeJoined } from "../codecs/joining.ts";
import { decodeResult, encodeLease, fates } from "../codecs/unit.ts";
import { decodeBeat, encodeWorkers } from "../codecs/worker.ts";
import type { CoordinatorHandlers } from "../gen/uncouple/v1/Coordinator.ts";
import type { CoordinatorBeat } from "../gen/uncouple/v1/CoordinatorBeat.ts";
import type { FetchPart } from "../gen/uncouple/v1/FetchPart.ts";
import type { SubmitPart__Output } from "../gen/uncouple/v1/SubmitPart.ts";
import type { WorkerBeat__Output } from "../gen/uncouple/v1/WorkerBeat.ts";
import { loadProtos } from "../loader.ts";
import type {
  CoordinatorService,
  FileBytes,
  SubmittedUnit,
  UnitLease,
  WorkerBeat,
} from "../services/coordinator-service.ts";
import type { Hosting } from "../services/hosting.ts";
import type { RpcServer } from "./server.ts";

/**
 * Registers coordinators on a server. Call it before the server starts.
 * @param of the coordinator of a component
 */
export function addCoordinatorService(server: RpcServer, of: Hosting<CoordinatorService>["of"]): void {
  const { unary, longPoll, stream, upload, duplex } = server.context;
  const handlers: CoordinatorHandlers = {
    Join: unary(async (request) => {
      const worker = decodeJoin(request);
      let coordinator: CoordinatorService;
      try {
        coordinator = of(worker.component);
      } catch (thrown) {
        // Refused for good, instead of an error that the worker waits out.
        return encodeJoined({ refusal: "component", reason: asUncoupleError(thrown).message });
      }
      return encodeJoined(await coordinator.join(worker));
    }),
    Beat: duplex((beats, signal) => routeBeats(of, beats, signal)),
    Lease: longPoll(async ({ worker, component }, signal) => {
      const coordinator = of(component);
      let lease: UnitLease | undefined;
      try {
        lease = await coordinator.lease(worker, signal);
      } catch (thrown) {
        if (thrown instanceof UncoupleError && thrown.code === "not-found") return { unknown: true };
        throw thrown;
      }
      return lease === undefined ? {} : { lease: encodeLease(lease) };
    }),
    Fetch: stream("finite", async function* ({ worker, digest, component }) {
      yield* fetchParts(await of(component).fetch(worker, digest));
    }),
    Submit: upload(async (messages) => {
      const parts = messages[Symbol.asyncIterator]();
      const first = await parts.next();
      const head = first.done === true ? undefined : first.value.result;
      if (head === undefined || head === null) {
        throw new UncoupleError("invalid-argument", "a submission must begin with its result");
      }
      const result = decodeResult(head);
      const { fate, reason } = await of(head.component).submit(result, submittedBytes(result, parts));
      return { fate: fates.encode(fate), reason };
    }),
    Return: unary(async ({ worker, lease, component }) => {
      await of(component).returnUnit(worker, lease);
      return {};
    }),
    ListWorkers: unary(async ({ component }) => encodeWorkers(await of(component).listWorkers())),
  };
  server.add("uncouple.v1.Coordinator", loadProtos().Coordinator.service, handlers);
}

/** All beats of a call are about the component of the first. */
async function* routeBeats(
  of: Hosting<CoordinatorService>["of"],
  messages: AsyncIterable<WorkerBeat__Output>,
  signal: AbortSignal,
): AsyncGenerator<CoordinatorBeat, void, undefined> {
  const rest = messages[Symbol.asyncIterator]();
  const first = await rest.next();
  if (first.done === true) return;
  async function* all(): AsyncGenerator<WorkerBeat__Output, void, undefined> {
    yield (first as IteratorYieldResult<WorkerBeat__Output>).value;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  yield* answerBeats(of(first.value.component), all(), signal);
}

/** Answers every beat that the coordinator has taken, so that a worker notices a dead connection, too. */
async function* answerBeats(
  coordinator: CoordinatorService,
  messages: AsyncIterable<WorkerBeat__Output>,
  signal: AbortSignal,
): AsyncGenerator<CoordinatorBeat, void, undefined> {
  const changed = createNotifier();
  let abandon: string[] = [];
  let due = false;
  const answer = (leases: readonly string[]) => {
    abandon.push(...leases);
    due = true;
    changed.notify();
  };
  async function* taken(): AsyncGenerator<WorkerBeat, void, undefined> {
    try {
      for await (const message of messages) {
        yield decodeBeat(message);
        answer([]);
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }
  let ended: { readonly failure?: unknown } | undefined;
  const following = async () => {
    for await (const leases of coordinator.beat(taken(), signal)) answer(leases);
  };
  following()
    .then(
      () => (ended = {}),
      (failure: unknown) => (ended = { failure }),
    )
    .finally(() => changed.notify());
  while (!signal.aborted) {
    const seen = changed.count;
    if (due) {
      const leases = abandon;
      abandon = [];
      due = false;
      yield { abandon: leases };
      continue;
    }
    if (ended !== undefined) break;
    await changed.waitBeyond(seen, signal);
  }
  if (ended !== undefined && "failure" in ended) throw ended.failure;
}

async function* fetchParts(bytes: Uint8Array | FileBytes): AsyncGenerator<FetchPart, void, undefined> {
  const isFile = "chunks" in bytes;
  yield { size: encodeUint64(isFile ? bytes.size : bytes.byteLength, "size") };
  for await (const chunk of isFile ? bytes.chunks() : chunksOf(bytes)) yield { chunk };
}

/** @throws UncoupleError `invalid-argument` if there are more or fewer bytes than the result announces */
async function* submittedBytes(
  { outcome }: SubmittedUnit,
  parts: AsyncIterator<SubmitPart__Output>,
): AsyncGenerator<Uint8Array, void, undefined> {
  const announced = "error" in outcome ? 0 : outcome.size;
  let size = 0;
  for (;;) {
    const next = await parts.next();
    if (next.done === true) break;
    const { chunk } = next.value;
    if (chunk === undefined) throw new UncoupleError("invalid-argument", "a submission must have one result");
    size += chunk.byteLength;
    if (size > announced) break;
    yield chunk;
  }
  if (size === announced) return;
  const count = size > announced ? `at least ${size}` : size;
  throw new UncoupleError("invalid-argument", `received ${count} bytes of a result that has ${announced}`);
}
