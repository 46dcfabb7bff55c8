import type { SearchParameters } from "../../pipeline/search.ts";
import { decodeStruct } from "../codecs/struct.ts";
import { encodeStudy, encodeTrial } from "../codecs/study.ts";
import type { TuningHandlers } from "../gen/uncouple/v1/Tuning.ts";
import { loadProtos } from "../loader.ts";
import type { Hosting } from "../services/hosting.ts";
import type { TuningService } from "../services/tuning-service.ts";
import type { RpcServer } from "./server.ts";

/**
 * Registers the studies of the hosted components on a server. Call it before the server starts.
 * @param of the studies of a component
 */
export function addTuningService(server: RpcServer, of: Hosting<TuningService>["of"]): void {
  const { unary, stream } = server.context;
  const handlers: TuningHandlers = {
    StartStudy: unary(async ({ component, trials, parallel, teamFile }) => {
      const request = {
        trials,
        ...(parallel !== undefined && { parallel }),
        ...(teamFile !== undefined && { teamFile }),
      };
      return encodeStudy(await of(component).startStudy(request));
    }),
    GetStudy: unary(async ({ id, component }) => encodeStudy(await of(component).getStudy(id))),
    ListStudies: stream("finite", async function* ({ component }) {
      for (const study of await of(component).listStudies()) yield encodeStudy(study);
    }),
    WatchStudy: stream("watch", async function* ({ id, component }, signal) {
      for await (const study of of(component).watchStudy(id, signal)) yield encodeStudy(study);
    }),
    StopStudy: unary(async ({ id, component }) => encodeStudy(await of(component).stopStudy(id))),
    ExtendStudy: unary(async ({ id, component, trials, parallel }) => {
      const request = { id, trials, ...(parallel !== undefined && { parallel }) };
      return encodeStudy(await of(component).extendStudy(request));
    }),
    RunTrial: stream("watch", async function* ({ study, parameters, component }, signal) {
      const chosen = parameters === null ? {} : (decodeStruct(parameters) as SearchParameters);
      for await (const trial of of(component).runTrial(study, chosen, signal)) yield encodeTrial(trial);
    }),
  };
  server.add("uncouple.v1.Tuning", loadProtos().Tuning.service, handlers);
}
