import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { UncoupleError } from "../common/errors.ts";

export interface MetricsSettings {
  readonly service: string;
  readonly pipeline?: string | undefined;
  /** Digest of the pipeline file, for the pipeline info. */
  readonly pipelineDigest?: string | undefined;
  /** The component of a trainer. */
  readonly component?: string | undefined;
  /** Version of Uncouple, for the build info. */
  readonly version: string;
}

/** A metric. The values of its `labels` come from a closed set or from the pipeline file. */
export interface MetricSpec<L extends string> {
  /** Starts with `uncouple_`. Counters end in `_total`, durations in `_seconds`, sizes in `_bytes`. */
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly L[];
}

export interface GaugeSpec<L extends string> extends MetricSpec<L> {
  /** Called on each scrape to set the gauge. */
  readonly collect?: (gauge: Gauge<L>) => void | Promise<void>;
}

export interface HistogramSpec<L extends string> extends MetricSpec<L> {
  /** Upper bounds, ascending, in the metric's unit. */
  readonly buckets: readonly number[];
}

export interface StateSpec<S extends string> {
  readonly name: string;
  readonly help: string;
  readonly states: readonly S[];
  readonly read: () => S;
}

/** The metrics of one service, separate from those of other services in the same process. */
export interface Metrics {
  /** All metrics in the Prometheus exposition format, with those of components. */
  text(): Promise<string>;
  /** The metrics of one of several components of the process, each with the label `component`. Called once for each. */
  ofComponent(component: string): Metrics;
  readonly contentType: string;
  counter<L extends string = never>(spec: MetricSpec<L>): Counter<L>;
  gauge<L extends string = never>(spec: GaugeSpec<L>): Gauge<L>;
  histogram<L extends string = never>(spec: HistogramSpec<L>): Histogram<L>;
  /** Adds a gauge with one series per state: 1 for the state at the time of the scrape, 0 for the others. */
  states<S extends string>(spec: StateSpec<S>): void;
}

/** Upper bounds for remote calls: 1 ms to 10 s, in seconds. */
export const rpcBuckets: readonly number[] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Upper bounds for work on models and data: 10 ms to 10 min, in seconds. */
export const workBuckets: readonly number[] = [0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Upper bounds for model sizes: 1 KiB to 1 GiB, in bytes. */
export const byteBuckets: readonly number[] = [2 ** 10, 2 ** 14, 2 ** 17, 2 ** 20, 2 ** 23, 2 ** 26, 2 ** 28, 2 ** 30];

/** Scrapes must not wait for what does not respond. */
export const SCRAPE_TIMEOUT_MS = 1_000;

/** Labels of unbounded cardinality. Prometheus keeps every series in memory. */
const unbounded = new Set(["run", "run_id", "serial", "snapshot", "digest", "row", "step", "peer", "message"]);

function checked<L extends string>(kind: "counter" | "gauge" | "histogram", spec: MetricSpec<L>): MetricSpec<L> {
  const refuse = (why: string) => new UncoupleError("internal", `metric ${spec.name}: ${why}`);
  if (!/^uncouple_[a-z][a-z0-9_]*$/.test(spec.name)) throw refuse("the name must be uncouple_ followed by snake case");
  if ((kind === "counter") !== spec.name.endsWith("_total"))
    throw refuse("counters, and only counters, must end in _total");
  if (kind === "histogram" && !/_(seconds|bytes|rows)$/.test(spec.name)) throw refuse("the name must end in its unit");
  for (const label of spec.labels ?? []) {
    if (unbounded.has(label)) throw refuse(`label ${label} has unbounded cardinality`);
  }
  return spec;
}

/** Creates a metrics registry. Its factories throw `internal` for a metric that breaks the naming rules above. */
export function createMetrics(settings: MetricsSettings): Metrics {
  const labels = {
    service: settings.service,
    ...(settings.pipeline === undefined ? {} : { pipeline: settings.pipeline }),
    ...(settings.component === undefined ? {} : { component: settings.component }),
  };
  const registry = new Registry();
  const metrics = registeredIn(registry, labels);
  collectDefaultMetrics({ register: registry });

  metrics
    .gauge({ name: "uncouple_build_info", help: "1, with the version in a label.", labels: ["version"] })
    .set({ version: settings.version }, 1);
  if (settings.pipelineDigest !== undefined) {
    // One series for the life of the process, so that the label is not unbounded.
    new Gauge({
      name: "uncouple_pipeline_info",
      help: "1, with the digest of this service's pipeline file in a label.",
      labelNames: ["digest"],
      registers: [registry],
    }).set({ digest: settings.pipelineDigest }, 1);
  }
  return metrics;
}

/** @param labels of every metric in the registry */
function registeredIn(registry: Registry, labels: Readonly<Record<string, string>>): Metrics {
  registry.setDefaultLabels(labels);
  const components: Metrics[] = [];
  const metrics: Metrics = {
    async text() {
      const pages = [registry.metrics(), ...components.map((one) => one.text())];
      return mergePages(await Promise.all(pages));
    },
    ofComponent(component) {
      const own = registeredIn(new Registry(), { ...labels, component });
      components.push(own);
      return own;
    },
    contentType: registry.contentType,
    counter(spec) {
      const { name, help, labels = [] } = checked("counter", spec);
      return new Counter({ name, help, labelNames: [...labels], registers: [registry] });
    },
    gauge(spec) {
      const { name, help, labels = [] } = checked("gauge", spec);
      const { collect } = spec;
      const gauge: Gauge<(typeof labels)[number]> = new Gauge({
        name,
        help,
        labelNames: [...labels],
        registers: [registry],
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      });
      return gauge;
    },
    histogram(spec) {
      const { name, help, labels = [] } = checked("histogram", spec);
      return new Histogram({
        name,
        help,
        labelNames: [...labels],
        buckets: [...spec.buckets],
        registers: [registry],
      });
    },
    states({ name, help, states, read }) {
      metrics.gauge({
        name,
        help,
        labels: ["state"],
        collect: (gauge) => {
          const now = read();
          for (const state of states) gauge.set({ state }, state === now ? 1 : 0);
        },
      });
    },
  };
  return metrics;
}

/** One page of several: the format wants all samples of a metric together, after one header. */
function mergePages(pages: readonly string[]): string {
  const metrics = new Map<string, string[]>();
  for (const page of pages) {
    for (const block of page.split(/^(?=# HELP )/m)) {
      const [, header, samples = ""] = /^(# HELP .*\n# TYPE .*)\n?([\s\S]*)$/.exec(block) ?? [];
      if (header === undefined) continue;
      const parts = metrics.get(header) ?? [header];
      metrics.set(header, parts);
      if (samples.trim() !== "") parts.push(samples.trim());
    }
  }
  return `${[...metrics.values()].map((parts) => parts.join("\n")).join("\n\n")}\n`;
}
