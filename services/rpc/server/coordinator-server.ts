import { createNotifier } from "../../common/async/notifier.ts";
import { UncoupleError } from "../../common/errors.ts";
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
import type { CoordinatorService, SubmittedUnit, UnitLease, WorkerBeat } from "../services/coordinator-service.ts";
import type { RpcServer } from "./server.ts";

/** Registers a coordinator on a server. Call it before the server starts. */
export function addCoordinatorService(server: RpcServer, coordinator: CoordinatorService): void {
  const { unary, longPoll, stream, upload, duplex } = server.context;
  const handlers: CoordinatorHandlers = {
    Join: unary(async (request) => encodeJoined(await coordinator.join(decodeJoin(request)))),
    Beat: duplex((beats, signal) => answerBeats(coordinator, beats, signal)),
    Lease: longPoll(async ({ worker }, signal) => {
      let lease: UnitLease | undefined;
      try {
        lease = await coordinator.lease(worker, signal);
      } catch (thrown) {
        if (thrown instanceof UncoupleError && thrown.code === "not-found") return { unknown: true };
        throw thrown;
      }
      return lease === undefined ? {} : { lease: encodeLease(lease) };
    }),
    Fetch: stream("finite", async function* ({ worker, digest }) {
      yield* fetchParts(await coordinator.fetch(worker, digest));
    }),
    Submit: upload(async (messages) => {
      const parts = messages[Symbol.asyncIterator]();
      const first = await parts.next();
      const head = first.done === true ? undefined : first.value.result;
      if (head === undefined || head === null) {
        throw new UncoupleError("invalid-argument", "a submission must begin with its result");
      }
      const result = decodeResult(head);
      const { fate, reason } = await coordinator.submit(result, submittedBytes(result, parts));
      return { fate: fates.encode(fate), reason };
    }),
    Return: unary(async ({ worker, lease }) => {
      await coordinator.returnUnit(worker, lease);
      return {};
    }),
    ListWorkers: unary(async () => encodeWorkers(await coordinator.listWorkers())),
  };
  server.add("uncouple.v1.Coordinator", loadProtos().Coordinator.service, handlers);
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

function* fetchParts(bytes: Uint8Array): Generator<FetchPart, void, undefined> {
  yield { size: encodeUint64(bytes.byteLength, "size") };
  for (const chunk of chunksOf(bytes)) yield { chunk };
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
