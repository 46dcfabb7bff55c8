import { protocols } from "../../../services/learning/protocols/all.ts";

/** The protocols, as errors list them. */
export const protocolNames = protocols.map(({ name }) => name).join(", ");

/** The paper's pipeline, small. */
export const PIPELINE = `pipeline: paper
data: { source: synthetic, generator: two-stage, seed: 11, rows: 2000, test_fraction: 0.5 }
components:
  m1: { columns: [x1], output: { name: z, width: 3, meaning: real }, target: z, loss: mse }
  m2: { columns: [x2], upstream: [m1], output: { name: y, width: 1, meaning: scalar }, target: y, loss: mse }
`;
/** What follows the component in a team file. */
export const TEAM = "model: { hidden: [8] }\nbatch: 32\nsteps: 60\nengine: onnx:cpu\n";
/** A pipeline with one component over rows.csv. */
export const fromFile = (data: string, columns = "[x]") =>
  `pipeline: table\ndata: { source: file, path: rows.csv${data} }\ncomponents:
  m1: { columns: ${columns}, output: { name: z, width: 1, meaning: scalar }, target: y, loss: mse }\n`;
/** Sixty rows of x, y and a word. */
export const CSV = `x,y,word\n${Array.from({ length: 60 }, (_, i) => `${i},${2 * i},w${i % 3}`).join("\n")}\n`;

/** Files in the folder of every case. */
export const commonFiles: Readonly<Record<string, string>> = {
  "pipeline.yaml": PIPELINE,
  "m1.yaml": `component: m1\n${TEAM}`,
  "m2.yaml": `component: m2\n${TEAM}`,
  "rows.csv": CSV,
};

/** The error for a component that nobody has. */
export const noM9 = 'pipeline paper has no component "m9"; available: m1, m2; did you mean "m1"?';
