import { createHash } from "node:crypto";
import { UncoupleError } from "../../common/errors.ts";
import { chunksOf } from "../chunks.ts";
import { decodeUint64 } from "../codecs/fields.ts";
import { decodeJoined, encodeJoin } from "../codecs/joining.ts";
import { decodeLease, encodeResult, fates } from "../codecs/unit.ts";
import { decodeWorkers, encodeBeat } from "../codecs/worker.ts";
import type { SubmitPart } from "../gen/uncouple/v1/SubmitPart.ts";
import type { UnitResult } from "../gen/uncouple/v1/UnitResult.ts";
import { loadProtos } from "../loader.ts";
import type {
  CoordinatorService,
  JoinedWorker,
  JoiningWorker,
  RefusedWorker,
  SubmittedUnit,
  UnitFate,
  UnitLease,
} from "../services/coordinator-service.ts";
import { type CallOptions, type ConnectOptions, clientCalls } from "./client.ts";

export interface TransferOptions {
  readonly signal?: AbortSignal;
  /** Called with the number of bytes that came or went since the last call. */
  readonly onProgress?: (bytes: number) => void;
}

/** A coordinator over gRPC. Calls that are cancelled by a signal throw `cancelled`. */
export interface RemoteCoordinator extends Omit<CoordinatorService, "submit"> {
  join(worker: JoiningWorker, signal?: AbortSignal): Promise<JoinedWorker | RefusedWorker>;
  /** @throws UncoupleError also `data-loss` if the bytes do not have the digest */
  fetch(worker: string, digest: string, options?: TransferOptions): Promise<Uint8Array>;
  /**
   * As `fetch`, of any size: hands over what arrives, in order, before it knows the digest.
   * @throws UncoupleError also what `write` throws
   */
  fetchTo(
    worker: string,
    digest: string,
    write: (chunk: Uint8Array) => Promise<void>,
    options?: TransferOptions,
  ): Promise<void>;
  /** @param bytes the state at the end; empty if the unit could not be run */
  submit(
    result: SubmittedUnit,
    bytes: Uint8Array,
    options?: TransferOptions,
  ): Promise<{ readonly fate: UnitFate; readonly reason: string }>;
  returnUnit(worker: string, lease: string, options?: CallOptions): Promise<void>;
  close(): void;
}

/** How long a long poll may take: longer than a coordinator lets it. */
const LEASE_SECONDS = 30;
/** Limit of what is fetched into memory, in bytes. */
const MAX_FETCHED_BYTES = 2 ** 32;

/** Read-only calls, which may be retried. */
const reads = ["Fetch", "ListWorkers"];

/**
 * Creates a client of the coordinator of a trainer at `host:port`. Connects at the first call. Beats have a connection of
 * their own, so that they are not delayed by transfers.
 * @param component the one that all calls are about; needed if the trainer hosts several
 * @throws UncoupleError `invalid-argument` for an address without a port
 */
export function connectCoordinator(address: string, options: ConnectOptions, component?: string): RemoteCoordinator {
  const { service: Coordinator } = loadProtos().Coordinator;
  const connect = () => clientCalls(address, "uncouple.v1.Coordinator", reads, options, "own");
  const calls = connect();
  const beats = connect();
  const about = component === undefined ? {} : { component };

  /** Receives all bytes of a digest. @param begin called with their number before the first ones */
  async function receive(
    worker: string,
    digest: string,
    begin: (size: number) => void,
    { signal, onProgress }: TransferOptions = {},
    write: (chunk: Uint8Array) => void | Promise<void>,
  ): Promise<void> {
    let size: number | undefined;
    let received = 0;
    const hash = createHash("sha256");
    for await (const part of calls.finite(Coordinator.Fetch, { worker, digest, ...about }, signal)) {
      if (part.size !== undefined && size === undefined) {
        size = decodeUint64("size", part.size, "data-loss");
        begin(size);
      }
      const { chunk } = part;
      if (chunk === undefined) continue;
      received += chunk.byteLength;
      if (size === undefined || received > size) break;
      await write(chunk);
      hash.update(chunk);
      onProgress?.(chunk.byteLength);
    }
    if (received !== size) {
      const expected = size ?? "unknown";
      throw new UncoupleError("data-loss", `${digest}: received ${received} bytes, but its size is ${expected}`);
    }
    const actual = hash.digest("hex");
    if (actual !== digest) throw new UncoupleError("data-loss", `${digest}: the bytes have the digest ${actual}`);
  }

  return {
    join: async (worker, signal) =>
      decodeJoined(await calls.unary(Coordinator.Join, { ...about, ...encodeJoin(worker) }, { signal })),
    async *beat(sent, signal) {
      async function* messages() {
        for await (const beat of sent) yield { ...encodeBeat(beat), ...about };
      }
      for await (const { abandon } of beats.duplex(Coordinator.Beat, messages(), signal)) yield abandon;
    },
    async lease(worker, signal): Promise<UnitLease | undefined> {
      const options = { signal, deadlineSeconds: LEASE_SECONDS };
      const { lease, unknown } = await calls.unary(Coordinator.Lease, { worker, ...about }, options);
      if (unknown) throw new UncoupleError("not-found", `${address} does not know worker ${worker} any more`);
      return lease === null ? undefined : decodeLease(lease);
    },
    async fetch(worker, digest, options) {
      let bytes: Buffer | undefined;
      let received = 0;
      const begin = (size: number) => {
        bytes = allocate(size);
      };
      await receive(worker, digest, begin, options, (chunk) => {
        bytes?.set(chunk, received);
        received += chunk.byteLength;
      });
      return bytes as unknown as Buffer;
    },
    fetchTo: (worker, digest, write, options) => receive(worker, digest, () => {}, options, write),
    async submit(result, bytes, { signal, onProgress } = {}) {
      const onSent = ({ chunk }: SubmitPart) => {
        if (chunk instanceof Uint8Array) onProgress?.(chunk.byteLength);
      };
      const answer = await calls.upload(
        Coordinator.Submit,
        submitParts({ ...encodeResult(result), ...about }, bytes),
        onSent,
        signal,
      );
      return { fate: fates.decode(answer.fate), reason: answer.reason };
    },
    async returnUnit(worker, lease, options) {
      await calls.unary(Coordinator.Return, { worker, lease, ...about }, options);
    },
    listWorkers: async () => decodeWorkers(await calls.unary(Coordinator.ListWorkers, about)),
    close() {
      calls.close();
      beats.close();
    },
  };
}

function* submitParts(result: UnitResult, bytes: Uint8Array): Generator<SubmitPart, void, undefined> {
  yield { result };
  for (const chunk of chunksOf(bytes)) yield { chunk };
}

/** @throws UncoupleError `data-loss` for a size that nothing has */
function allocate(size: number): Buffer {
  if (size > MAX_FETCHED_BYTES)
    throw new UncoupleError("data-loss", `a transfer of ${size} bytes exceeds the limit of ${MAX_FETCHED_BYTES}`);
  return Buffer.allocUnsafeSlow(size);
}
