import { type Html, html, trusted } from "./html.ts";

export interface ReportSection {
  readonly heading: string;
  /** What the section shows and what to notice. */
  readonly text?: string;
  readonly body: Html;
}

export interface ReportDocument {
  readonly title: string;
  /** The finding in one or two sentences. */
  readonly summary: string;
  readonly sections: readonly ReportSection[];
  /** Provenance: versions, seeds, times. */
  readonly footer: string;
  /** CSS of drawings that only this document has. */
  readonly style?: string;
}

const style = `
:root{color-scheme:light dark;--page:#ffffff;--ink:#1c1f23;--faint:#5c6570;--line:#dfe3e8;--soft:#f5f7f9;--good:#11785a;--bad:#b3261e;--unsure:#5c6570;--good-soft:#e3f4ec;--bad-soft:#fdecea;}
@media (prefers-color-scheme:dark){:root{--page:#14171a;--ink:#e8eaed;--faint:#a3abb5;--line:#333a42;--soft:#1d2126;--good:#5fd0a5;--bad:#ff8a80;--unsure:#a3abb5;--good-soft:#153328;--bad-soft:#3d1c1a;}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:980px;margin:0 auto;padding:40px 24px 64px}
h1{font-size:28px;line-height:1.25;margin:0 0 8px}
h2{font-size:19px;margin:40px 0 6px}
p{margin:0 0 12px;max-width:72ch}
.summary{font-size:18px}
.note,footer{color:var(--faint)}
footer{margin-top:48px;padding-top:16px;border-top:1px solid var(--line);font-size:13px}
figure{margin:12px 0;overflow-x:auto}
svg{max-width:100%;height:auto;display:block}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:12px 0;font-size:14.5px;font-variant-numeric:tabular-nums}
th,td{padding:6px 14px 6px 0;text-align:left;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600;color:var(--faint);white-space:nowrap}
.number{text-align:right;white-space:nowrap}
.improved,.promoted{color:var(--good)}
.degraded,.self-defeating,.quarantined,.refused{color:var(--bad)}
.inconclusive,.held,.skipped{color:var(--unsure)}
.whole{white-space:nowrap}
.badge{font-weight:600;white-space:nowrap}
.lineage{max-width:none}
.lineage text{font:13px system-ui,sans-serif;fill:var(--ink)}
.lineage .row{font-weight:600;fill:var(--faint)}
.lineage .name{font-weight:600}
.lineage .caption{fill:var(--faint);font-size:12px}
.lineage .alias{text-anchor:end;fill:var(--faint);font-size:11.5px;font-style:italic}
.lineage rect{fill:var(--soft);stroke:var(--line);stroke-width:1.5}
.lineage .improved rect{fill:var(--good-soft);stroke:var(--good)}
.lineage .degraded rect,.lineage .self-defeating rect,.lineage .quarantined rect{fill:var(--bad-soft);stroke:var(--bad)}
.lineage .edge{fill:none;stroke:var(--faint);stroke-width:1.4}
.lineage .parent{stroke-dasharray:4 4}
.lineage marker path{fill:var(--faint)}
@media screen and (max-width:600px){figure svg{max-width:none}table{width:max-content;max-width:48rem}.pairs{max-width:100%}.pairs td{overflow-wrap:anywhere}}
@media print{:root{--page:#fff;--ink:#000;--faint:#444;--line:#bbb;--soft:#f4f4f4;--good:#0b5c44;--bad:#8c1d18;--unsure:#444;--good-soft:#e3f4ec;--bad-soft:#fdecea}body{font-size:11pt}main{max-width:none;padding:0}section,tr{break-inside:avoid}h2{break-after:avoid}.scroll,figure{overflow:visible}table{font-size:8.5pt}th,td{padding-right:7px}th{white-space:normal}svg{print-color-adjust:exact;-webkit-print-color-adjust:exact}.lineage{max-width:100%}}
`;

/** Renders a self-contained HTML document, without scripts and external resources. */
export function reportDocument(document: ReportDocument): string {
  const { title, summary, sections, footer } = document;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>${title}</title>
<style>${trusted(style)}${document.style !== undefined && trusted(document.style)}</style>
</head>
<body>
<main>
<h1>${title}</h1>
<p class="summary">${summary}</p>
${sections.map(section)}
<footer>${footer}</footer>
</main>
</body>
</html>
`;
  return page.markup;
}

function section({ heading, text, body }: ReportSection): Html {
  return html`<section>
<h2>${heading}</h2>
${text !== undefined && html`<p class="note">${text}</p>`}
${body}
</section>
`;
}

/** Wraps a plot so that it shrinks with the page, and scrolls on narrow pages, where its labels would be illegible. */
export function figure(plot: Html): Html {
  return html`<figure>${plot}</figure>`;
}

export interface TableColumn {
  readonly title: string;
  /** Whether the column holds numbers, which are right-aligned. */
  readonly number?: boolean;
}

/** Renders a table that scrolls on a narrow page, unless two columns fit it. @param rows each with one cell per column, in column order */
export function tableHtml(columns: readonly TableColumn[], rows: readonly (readonly (Html | string)[])[]): Html {
  const cell = (content: Html | string, index: number) =>
    html`<td${columns[index]?.number === true && trusted(' class="number"')}>${content}</td>`;
  return html`<div class="scroll"><table${columns.length === 2 && trusted(' class="pairs"')}>
<thead><tr>${columns.map(({ title, number }) => html`<th${number === true && trusted(' class="number"')}>${title}</th>`)}</tr></thead>
<tbody>
${rows.map((row) => html`<tr>${row.map(cell)}</tr>\n`)}
</tbody>
</table></div>`;
}

/** Renders the kind of a verdict or a decision in its color. */
export function badge(kind: string): Html {
  return html`<span class="badge ${kind}">${kind}</span>`;
}
