import { UncoupleError } from "../../common/errors.ts";
import { noTracing, type Tracer } from "../../runtime/tracing/tracer.ts";
import { type CliContext, setting } from "../context/context.ts";

/**
 * Creates the tracer that OTEL_EXPORTER_OTLP_ENDPOINT asks for; without it, one that records nothing.
 * @param service `trainer`, `evaluator` or `cli`
 * @throws UncoupleError `invalid-argument` if that is not an address
 */
export async function openTracer(
  { env, clock }: Pick<CliContext, "env" | "clock">,
  service: string,
  warn: (message: string) => void,
): Promise<Tracer> {
  const endpoint = setting(env, "OTEL_EXPORTER_OTLP_ENDPOINT");
  if (endpoint === undefined) return noTracing;
  if (!/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : "")) {
    throw new UncoupleError(
      "invalid-argument",
      `OTEL_EXPORTER_OTLP_ENDPOINT must be http://host:port, not ${endpoint}`,
    );
  }
  const { createTracer } = await import("../../runtime/tracing/tracer.ts");
  const { createOtlpExporter } = await import("../../runtime/tracing/otlp-exporter.ts");
  const { packageInfo } = await import("../../runtime/package-info.ts");
  const { version } = packageInfo();
  const resource = { "service.name": `uncouple-${service}`, "service.version": version };
  return createTracer(clock, createOtlpExporter({ endpoint, resource, version }, { clock, warn }));
}
