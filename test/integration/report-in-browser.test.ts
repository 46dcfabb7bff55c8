import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { demoReport } from "../../services/cli/demo/demo-report.ts";
import { modelPage } from "../../services/cli/report/model-page.ts";
import { studyPage } from "../../services/cli/report/study-page.ts";
import { benchmarkReport } from "../../services/experiments/wild/benchmark-report.ts";
import { simulationReport } from "../../services/simulator/report/simulation-report.ts";
import { results } from "../helpers/demo-record.ts";
import { modelReport, tunedStudy } from "../helpers/report-record.ts";
import { eventfulScenario, simulatedOutcome } from "../helpers/simulated-outcome.ts";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);
if (executablePath === undefined) console.log("skipping the report in a browser: Chromium not found");

const benchmark = join(import.meta.dirname, "../../benchmark/results.json");

const quiet = ["background-networking", "component-update", "sync", "gpu", "quic"].map((what) => `--disable-${what}`);

/** Each with the number of its plots, a lower bound of its texts, and what makes it. */
const pages: readonly (readonly [string, number, number, () => Promise<string>])[] = [
  ["the demo's report", 5, 80, () => demoReport(results)],
  [
    "the benchmark's page",
    2,
    500,
    async () => benchmarkReport(JSON.parse(await readFile(benchmark, "utf8")), "footer"),
  ],
  // The losses, two graphs, the timeline, and the sensitivity.
  [
    "the report of a simulation",
    5,
    80,
    async () => simulationReport(await simulatedOutcome(eventfulScenario()), "footer"),
  ],
  // Loss, learning rate, residuals, means, slices, and the lineage.
  ["the page about a snapshot", 6, 150, () => modelPage(modelReport(), "footer")],
  // History, importance, three parameters, and the curves.
  ["the page about a study", 6, 150, () => studyPage(tunedStudy(), "footer")],
];

describe.skipIf(executablePath === undefined).each(pages)("%s in a browser", (_, plots, texts, makePage) => {
  let dir: string;
  let browser: Browser;
  let url: string;

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), "uncouple-report-"));
    await writeFile(join(dir, "report.html"), await makePage());
    url = pathToFileURL(join(dir, "report.html")).href;
    browser = await chromium.launch({
      ...(executablePath !== undefined && { executablePath }),
      args: ["--no-sandbox", "--no-first-run", ...quiet],
    });
  });
  afterAll(async () => {
    await browser.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function open(colorScheme: "light" | "dark", width: number): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage({ colorScheme, viewport: { width, height: 900 } });
    const problems: string[] = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("request", (request) => {
      if (request.url() !== url) problems.push(`requested ${request.url()}`);
    });
    await page.goto(url);
    return { page, problems };
  }

  it.each([1040, 390])("makes no requests, logs nothing and fits a page of %i pixels", async (width) => {
    const { page, problems } = await open("light", width);
    expect(await page.locator("svg").count()).toBe(plots);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
    expect(problems).toEqual([]);
    await page.close();
  });

  it("prints on A4 with nothing cut off", async () => {
    const { page } = await open("light", 718);
    await page.emulateMedia({ media: "print" });
    const cut = await page.evaluate(`[...document.querySelectorAll("main *")]
      .filter((element) => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
      .map((element) => element.tagName + " " + element.textContent.slice(0, 40))`);
    expect(cut).toEqual([]);
    await page.close();
  });

  it("keeps all text inside its plot", async () => {
    const { page } = await open("light", 1040);
    const outside = await page.evaluate(`[...document.querySelectorAll("svg text")].filter((text) => {
      const [inner, outer] = [text.getBoundingClientRect(), text.closest("svg").getBoundingClientRect()];
      return inner.left < outer.left - 1 || inner.right > outer.right + 1 || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
    }).map((text) => text.textContent)`);
    expect(outside).toEqual([]);
    const beyond = await page.evaluate(`[...document.querySelectorAll(".lineage .node text")].filter((text) =>
      text.getBoundingClientRect().right > text.parentElement.querySelector("rect").getBoundingClientRect().right
    ).map((text) => text.textContent)`);
    expect(beyond).toEqual([]);
    await page.close();
  });

  it.each(["light", "dark"] as const)("is readable in %s mode: text contrasts with the page", async (scheme) => {
    const { page } = await open(scheme, 1040);
    const colors = (await page.evaluate(`[
      getComputedStyle(document.body).backgroundColor,
      ...[...document.querySelectorAll("h1,p,td,th,.badge")].map((element) => getComputedStyle(element).color),
      ...[...document.querySelectorAll("svg.marks text")].map((element) => getComputedStyle(element).fill),
    ]`)) as string[];
    const [background = "", ...inks] = colors;
    // Numbers in cells are on the cell's color, which is light in both themes.
    const onPage = inks.filter((color) => color !== "rgb(27, 27, 27)");
    expect(onPage.length).toBeGreaterThan(texts);
    for (const color of new Set(onPage)) expect(contrast(color, background)).toBeGreaterThan(4.5);
    expect(luminance(background) < 0.2).toBe(scheme === "dark");
    await page.close();
  });
});

/** Relative luminance as in WCAG 2.2. */
function luminance(color: string): number {
  const [r = 0, g = 0, b = 0] = (color.match(/[\d.]+/g) ?? []).map((part) => {
    const share = Number(part) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}
