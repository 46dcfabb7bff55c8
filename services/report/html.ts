/** Markup that is safe to insert into a page. Created by `html`, or by `trusted` from already escaped markup. */
export interface Html {
  readonly markup: string;
}

type Content = Html | string | number | null | undefined | false | readonly Content[];

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text and quoted attribute values. Control characters, which HTML does not allow, become U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Marks markup as safe without escaping it. Never use it for text from a file, a message or a user. */
export function trusted(markup: string): Html {
  return { markup };
}

/**
 * A template tag that escapes inserted text, keeps inserted `Html`, joins lists, and omits null, undefined and false.
 */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return trusted(
    parts.reduce((markup, part, index) => `${markup}${index === 0 ? "" : render(contents[index - 1])}${part}`, ""),
  );
}

function render(content: Content): string {
  if (content === null || content === undefined || content === false) return "";
  if (typeof content === "string" || typeof content === "number") return escapeHtml(String(content));
  return "markup" in content ? content.markup : content.map(render).join("");
}
