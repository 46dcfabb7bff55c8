import { describe, expect, it } from "vitest";
import { badge, reportDocument, tableHtml } from "../../../services/report/document.ts";
import { html } from "../../../services/report/html.ts";

describe("a report document", () => {
  const text = reportDocument({
    title: "Demo <of> it",
    summary: "a & b",
    sections: [
      {
        heading: "Losses",
        text: "lower is better",
        body: tableHtml([{ title: "name" }, { title: "loss", number: true }], [["<m1>", "1.4"]]),
      },
      { heading: "Verdicts", body: badge("self-defeating") },
    ],
    footer: "seed 7",
  });

  it("contains all of its content, escaped", () => {
    expect(text).toContain("<title>Demo &lt;of&gt; it</title>");
    expect(text).toContain("a &amp; b");
    expect(text).toContain("<td>&lt;m1&gt;</td>");
    expect(text).toContain('<td class="number">1.4</td>');
    expect(text).toContain('<span class="badge self-defeating">');
  });

  it("is self-contained: no scripts, links or URLs", () => {
    expect(text).not.toMatch(/<script|<link|<iframe|<img|@import|url\(\s*['"]?(?!#)/i);
    expect(text).not.toMatch(/(src|href)=/);
  });

  it("is one well-formed page, even without sections", () => {
    const empty = reportDocument({ title: "t", summary: "s", sections: [], footer: html`f`.markup });
    expect(empty.startsWith("<!doctype html>")).toBe(true);
    for (const tag of ["html", "head", "body", "main", "style", "title"]) {
      expect(empty.match(new RegExp(`<${tag}[ >]`, "g"))).toHaveLength(1);
      expect(empty.match(new RegExp(`</${tag}>`, "g"))).toHaveLength(1);
    }
  });
});
