import type { Study } from "../../pipeline/study.ts";
import { encodeStruct } from "../codecs/struct.ts";
import { decodeStudy, decodeTrial } from "../codecs/study.ts";
import { loadProtos } from "../loader.ts";
import type { TuningService } from "../services/tuning-service.ts";
import { type ConnectOptions, clientCalls } from "./client.ts";

export interface RemoteTuning extends TuningService {
  close(): void;
}

/** Read-only calls, which may be retried. */
const reads = ["GetStudy", "ListStudies"];

/**
 * Creates a client of the studies of a trainer at `host:port`. Connects at the first call.
 * @param component the one that all calls are about; needed if the process hosts several
 * @throws UncoupleError `invalid-argument` for an address without a port
 */
export function connectTuning(address: string, options: ConnectOptions, component?: string): RemoteTuning {
  const { service: Tuning } = loadProtos().Tuning;
  const calls = clientCalls(address, "uncouple.v1.Tuning", reads, options);
  const about = component === undefined ? {} : { component };
  return {
    startStudy: async (request) => decodeStudy(await calls.unary(Tuning.StartStudy, { ...request, ...about })),
    getStudy: async (id) => decodeStudy(await calls.unary(Tuning.GetStudy, { id, ...about })),
    async listStudies() {
      const studies: Study[] = [];
      for await (const study of calls.finite(Tuning.ListStudies, about)) studies.push(decodeStudy(study));
      return studies;
    },
    async *watchStudy(id, signal) {
      for await (const study of calls.watch(Tuning.WatchStudy, { id, ...about }, signal)) yield decodeStudy(study);
    },
    stopStudy: async (id) => decodeStudy(await calls.unary(Tuning.StopStudy, { id, ...about })),
    extendStudy: async (request) => decodeStudy(await calls.unary(Tuning.ExtendStudy, { ...request, ...about })),
    async *runTrial(study, parameters, signal) {
      const request = { study, parameters: encodeStruct(parameters), ...about };
      for await (const trial of calls.watch(Tuning.RunTrial, request, signal)) yield decodeTrial(trial);
    },
    close: () => calls.close(),
  };
}
