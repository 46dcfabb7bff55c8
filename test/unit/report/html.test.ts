import { describe, expect, it } from "vitest";
import { escapeHtml, html, trusted } from "../../../services/report/html.ts";

describe("html templates", () => {
  it("escape all inserted text, in content and in attributes", () => {
    const name = `<img src=x onerror="alert('1')">&`;
    expect(html`<p title="${name}">${name}</p>`.markup).toBe(
      '<p title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</p>',
    );
  });

  it("keep inserted markup and lists of markup, and omit null and false", () => {
    const items = ["a", "<b>"].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}${null}${false}${undefined}${trusted("<hr>")}${0}</ul>`.markup).toBe(
      "<ul><li>a</li><li>&lt;b&gt;</li><hr>0</ul>",
    );
  });

  it("replace control characters, which HTML does not allow, and keep line breaks", () => {
    expect(escapeHtml("a\u0000b\u001b[31mc\nd\te")).toBe("a\ufffdb\ufffd[31mc\nd\te");
  });
});
