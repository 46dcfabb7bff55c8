import { type Answer, type AnsweringServer, openAnsweringServer, type TakenRequest } from "../answering-server.ts";

/** A run as the fake server has it. */
export interface FakeRun {
  readonly id: string;
  readonly name: string;
  status: string;
  endedAt: number | undefined;
  readonly tags: Record<string, string>;
  readonly params: Record<string, string>;
  /** Every point that was logged, repeated ones too, as [key, step, value]. */
  readonly points: (readonly [string, number, number])[];
}

/**
 * The part of an MLflow server that Uncouple uses, in this process and over HTTP, with the rules that matter: a parameter
 * cannot change, and runs are found by tags and status, two to a page. `test:mlflow` has a real one.
 */
export interface FakeMlflow {
  readonly url: string;
  readonly taken: AnsweringServer["taken"];
  readonly runs: FakeRun[];
  /** Paths in the artifact store to their text. */
  readonly artifacts: Map<string, string>;
  /** Tags of the experiment. */
  readonly experiment: Record<string, string>;
  /** What happens to a request, instead of its answer; `lost`: it is fulfilled, and the connection ends. */
  disturb: (path: string, body: string) => Answer | "silence" | "lost" | undefined;
  close(): Promise<void>;
}

const PAGE = 2;
const refused = (code: string, message: string): Answer => ({
  status: code === "RESOURCE_DOES_NOT_EXIST" ? 404 : 400,
  body: JSON.stringify({ error_code: code, message }),
});

interface Body {
  readonly run_id: string;
  readonly run_name: string;
  readonly status: string;
  readonly end_time?: number;
  readonly filter: string;
  readonly page_token?: string;
  readonly key: string;
  readonly value: string;
  readonly tags?: readonly { readonly key: string; readonly value: string }[];
  readonly params?: readonly { readonly key: string; readonly value: string }[];
  readonly metrics?: readonly { readonly key: string; readonly value: number; readonly step: number }[];
}

/** @param artifacts whether it takes in files */
export async function openFakeMlflow({ artifacts: takesFiles = true } = {}): Promise<FakeMlflow> {
  const server = await openAnsweringServer();
  let exists = false;

  const runOf = (run: FakeRun) => ({
    info: {
      run_id: run.id,
      status: run.status,
      artifact_uri: takesFiles ? `mlflow-artifacts:/1/${run.id}/artifacts` : `/mlruns/1/${run.id}/artifacts`,
    },
    data: {
      tags: pairs(run.tags),
      metrics: [...new Set(run.points.map(([key]) => key))].map((key) => ({
        key,
        step: Math.max(...run.points.filter(([of]) => of === key).map(([, step]) => step)),
      })),
    },
  });

  function matches(run: FakeRun, filter: string): boolean {
    return filter.split(" and ").every((part) => {
      const [, tag, value] = /^tags\.`([^`]*)` = '([^']*)'$/.exec(part) ?? [];
      if (tag !== undefined) return run.tags[tag] === value;
      const [, status] = /^attributes\.status = '([^']*)'$/.exec(part) ?? [];
      if (status === undefined) throw new Error(`the fake server does not know ${part}`);
      return run.status === status;
    });
  }

  function change(run: FakeRun, { params = [], metrics = [], tags = [] }: Body): Answer | undefined {
    for (const { key, value } of params) {
      if ((run.params[key] ?? value) !== value) return refused("INVALID_PARAMETER_VALUE", `${key} is already logged`);
      run.params[key] = value;
    }
    for (const { key, step, value } of metrics) run.points.push([key, step, value]);
    for (const { key, value } of tags) run.tags[key] = value;
    return undefined;
  }

  function fulfill({ method, url, body: text }: TakenRequest): Answer {
    const path = url.replace(/^\/api\/2\.0\//, "");
    if (method === "PUT") {
      fake.artifacts.set(path, text);
      return { status: 200 };
    }
    const body = (text === "" ? {} : JSON.parse(text)) as Body;
    const ok = (answer: unknown): Answer => ({ status: 200, body: JSON.stringify(answer) });
    const run = fake.runs.find(({ id }) => id === body.run_id);
    switch (path.replace(/\?.*$/, "")) {
      case "mlflow/experiments/get-by-name":
        if (!exists) return refused("RESOURCE_DOES_NOT_EXIST", "no such experiment");
        return ok({ experiment: { experiment_id: "1", tags: pairs(fake.experiment) } });
      case "mlflow/experiments/create":
        exists = true;
        return ok({ experiment_id: "1" });
      case "mlflow/experiments/set-experiment-tag":
        fake.experiment[body.key] = body.value;
        return ok({});
      case "mlflow/runs/create": {
        const id = `run${fake.runs.length + 1}`;
        const made: FakeRun = {
          id,
          name: body.run_name,
          status: "RUNNING",
          endedAt: undefined,
          tags: {},
          params: {},
          points: [],
        };
        change(made, body);
        fake.runs.push(made);
        return ok({ run: runOf(made) });
      }
      case "mlflow/runs/search": {
        const from = Number(body.page_token ?? 0);
        const found = fake.runs.filter((one) => matches(one, body.filter));
        const next = from + PAGE < found.length ? { next_page_token: String(from + PAGE) } : {};
        return ok({ runs: found.slice(from, from + PAGE).map(runOf), ...next });
      }
      default:
        if (run === undefined) return refused("RESOURCE_DOES_NOT_EXIST", `no run ${body.run_id}`);
        if (path === "mlflow/runs/log-batch") return change(run, body) ?? ok({});
        if (path === "mlflow/runs/log-model") return ok({});
        if (path !== "mlflow/runs/update") throw new Error(`the fake server does not know ${path}`);
        run.status = body.status;
        run.endedAt = body.end_time;
        return ok({});
    }
  }

  const fake: FakeMlflow = {
    url: server.url,
    taken: server.taken,
    runs: [],
    artifacts: new Map(),
    experiment: {},
    disturb: () => undefined,
    close: server.close,
  };
  server.answer = (request) => {
    const disturbed = fake.disturb(request.url, request.body);
    if (disturbed === undefined) return fulfill(request);
    if (disturbed !== "lost") return disturbed;
    fulfill(request);
    return "cut";
  };
  return fake;
}

function pairs(values: Readonly<Record<string, string>>) {
  return Object.entries(values).map(([key, value]) => ({ key, value }));
}
