import { onTestFinished } from "vitest";
import { systemClock } from "../../services/common/clock/system-clock.ts";
import type { ConnectOptions } from "../../services/rpc/client/client.ts";
import { connectCoordinator } from "../../services/rpc/client/coordinator-client.ts";
import { addCoordinatorService } from "../../services/rpc/server/coordinator-server.ts";
import { createRpcServer, type RpcServerSettings } from "../../services/rpc/server/server.ts";
import type { CoordinatorService } from "../../services/rpc/services/coordinator-service.ts";
import { silentLog } from "./log.ts";

/** A real gRPC server of a coordinator; it goes when the test ends. */
export async function serveCoordinator(coordinator: CoordinatorService, settings: Partial<RpcServerSettings> = {}) {
  const server = createRpcServer({
    clock: systemClock,
    host: "127.0.0.1",
    port: 0,
    log: silentLog,
    ...settings,
  });
  addCoordinatorService(server, () => coordinator);
  const port = await server.start();
  onTestFinished(() => server.stop(0));
  return { server, port };
}

/** A client, which goes when the test ends. */
export function connectTo(port: number, options: Partial<ConnectOptions> = {}) {
  const host = options.tls === undefined ? "127.0.0.1" : "localhost";
  const client = connectCoordinator(`${host}:${port}`, { clock: systemClock, ...options });
  onTestFinished(() => client.close());
  return client;
}
