import type { EndedSpan, SpanExporter } from "../../services/runtime/tracing/tracer.ts";

/** Keeps spans in the order in which they ended. */
export function recordingExporter(): { readonly spans: readonly EndedSpan[]; readonly exporter: SpanExporter } {
  const spans: EndedSpan[] = [];
  return { spans, exporter: { export: (span) => void spans.push(span), async close() {} } };
}
