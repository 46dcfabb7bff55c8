import { onTestFinished } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { ConnectOptions } from "../../services/rpc/client/client.ts";
import { connectEvaluator } from "../../services/rpc/client/evaluator-client.ts";
import { connectTrainer } from "../../services/rpc/client/trainer-client.ts";
import { addEvaluatorService } from "../../services/rpc/server/evaluator-server.ts";
import { createRpcServer, type RpcServer, type RpcServerSettings } from "../../services/rpc/server/server.ts";
import { addTrainerService } from "../../services/rpc/server/trainer-server.ts";
import type { EvaluatorService } from "../../services/rpc/services/evaluator-service.ts";
import { hosting } from "../../services/rpc/services/hosting.ts";
import type { TrainerService } from "../../services/rpc/services/trainer-service.ts";
import { fakeEvaluator, fakeTrainer } from "./fake-services.ts";
import { silentLog } from "./log.ts";

/** A real server of both services on a free port, with a client for each; all go when the test ends. */
export async function serve(
  offered: {
    readonly trainer?: Partial<TrainerService>;
    /** Of the trainer; defaults to m2. */
    readonly component?: string;
    readonly evaluator?: Partial<EvaluatorService>;
  },
  settings: Partial<RpcServerSettings> = {},
  options: Partial<ConnectOptions> = {},
) {
  const server: RpcServer = createRpcServer({
    clock: systemClock,
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    ...settings,
  });
  addTrainerService(server, hosting(new Map([[offered.component ?? "m2", fakeTrainer(offered.trainer ?? {})]])));
  addEvaluatorService(server, fakeEvaluator(offered.evaluator ?? {}));
  // A certificate is for a name.
  const address = `${settings.tls === undefined ? "127.0.0.1" : "localhost"}:${await server.start()}`;
  const trainer = connectTrainer(address, { clock: systemClock, ...options });
  const evaluator = connectEvaluator(address, { clock: systemClock, ...options });
  onTestFinished(async () => {
    trainer.close();
    evaluator.close();
    await server.stop(0);
  });
  return { server, address, trainer, evaluator };
}
