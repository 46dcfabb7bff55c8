/** Markup that is safe to put into a page. Made by `html`, or by `trusted` from markup that a library has escaped. */
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

/** For text and for attribute values within quotes. Control characters, which HTML does not admit, become U+FFFD. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[^\P{Cc}\t\n\r]/gu, "\ufffd")
    .replaceAll(/[&<>"']/g, (character) => entities[character] ?? character);
}

/** Markup that goes into a page as it is: never for text from a file, a message or a person. */
export function trusted(markup: string): Html {
  return { markup };
}

/** A template whose every inserted text is escaped; inserted `Html` stays, lists are joined, null and false vanish. */
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
