import { stripVTControlCharacters } from "node:util";
import { InvalidArgumentError } from "commander";
import stringWidth from "string-width";
import { describe, expect, it } from "vitest";
import { wantsColor } from "../../../services/cli/context/context.ts";
import { collectParameter, formatProtocol, protocolOf } from "../../../services/cli/flags/protocol-options.ts";
import { parsePort, parseReference, parseSerial } from "../../../services/cli/flags/reference.ts";
import { colored, createStyle, plain } from "../../../services/cli/terminal/style.ts";
import { formatTable } from "../../../services/cli/terminal/table.ts";

const none = createStyle(false);
const colors = createStyle(true);

describe("tables", () => {
  it("align their columns, numbers to the right, without trailing spaces", () => {
    const text = formatTable(
      [{ title: "NAME" }, { title: "LOSS", number: true }, { title: "NOTE" }],
      [
        ["m1@1", "104", "x"],
        ["component@12", "1.4", ""],
      ],
      none,
    );
    expect(text.split("\n")).toEqual(["NAME          LOSS  NOTE", "m1@1           104  x", "component@12   1.4", ""]);
  });

  it("align colored cells", () => {
    const text = formatTable(
      [{ title: "KIND" }, { title: "N" }],
      [
        [colored(colors, "improved"), "1"],
        [colored(colors, "self-defeating"), "2"],
      ],
      colors,
    );
    const bare = stripVTControlCharacters(text).split("\n");
    expect(bare[1]?.indexOf("1")).toBe(bare[2]?.indexOf("2"));
  });

  it("wrap the columns that may wrap, the widest first, until they fit the terminal", () => {
    const failure =
      "the store is full: 2 GiB of 2 GiB are used, and /a/path/that/is/longer/than/the/column.onnx is new";
    const columns = [{ title: "RUN" }, { title: "LOSS", number: true }, { title: "WHY IT FAILED", wraps: true }];
    const lines = formatTable(columns, [["r1", "104", failure]], none, 40).split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(40);
    expect(lines[0]).toBe("RUN  LOSS  WHY IT FAILED");
    expect(lines[1]).toBe("r1    104  the store is full: 2 GiB of 2");
    expect(
      lines
        .slice(1)
        .join("")
        .replaceAll(/\s|r1|104/g, ""),
    ).toBe(failure.replaceAll(" ", "").replace("104", ""));
    expect(formatTable(columns, [["r1", "104", failure]], none)).toContain(failure);
  });

  it("keep styles intact when they wrap, and let other columns exceed the terminal", () => {
    const styled = colors.red("a red text of some words that is long");
    const text = formatTable([{ title: "A", wraps: true }], [[styled]], colors, 16);
    const lines = text.trimEnd().split("\n").slice(1);
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toBe(colors.red(stripVTControlCharacters(line)));
    expect(formatTable([{ title: "B" }], [["not to be broken"]], none, 5)).toContain("not to be broken");
  });

  it.each([
    ["ASCII", "m1.onnx"],
    ["CJK", "模型の重み"],
    ["emoji", "🫠 👩‍👩‍👧 ok"],
    ["combining marks", "ae\u0301e\u0301o"],
    ["half-width kana", "ﾓﾃﾞﾙ"],
  ])("align by display width: %s", (_, cell) => {
    const lines = formatTable(
      [{ title: "FILE" }, { title: "N", number: true }],
      [
        [cell, "1"],
        ["0123456789", "22"],
      ],
      none,
    )
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => stringWidth(line))).toEqual([14, 14, 14]);
  });

  it("wrap text without spaces by display width, never within a character", () => {
    const text = "漢字の説明はとても長い👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧";
    const lines = formatTable([{ title: "A", wraps: true }], [[text]], none, 13)
      .trimEnd()
      .split("\n")
      .slice(1);
    expect(lines).toEqual(["漢字の説明は", "とても長い👩‍👩‍👧", "👩‍👩‍👧👩‍👩‍👧👩‍👩‍👧"]);
  });

  it("show only titles when there are no rows", () => {
    expect(formatTable([{ title: "A" }, { title: "B" }], [], none)).toBe("A  B\n");
  });
});

describe("untrusted text", () => {
  it("reaches the terminal without control characters", () => {
    expect(plain("a\u001b[2J\nb\u0007")).toBe("a [2J b ");
    expect(plain("safe \u202e\u2066gpj.exe")).toBe("safe  gpj.exe");
    expect(colored(none, "improved\u001b[31m")).not.toContain("\u001b");
  });
});

describe("color", () => {
  it.each([
    [{ isTTY: true }, {}, true],
    [{ isTTY: false }, {}, false],
    [{ isTTY: true }, { NO_COLOR: "1" }, false],
    [{ isTTY: true }, { NO_COLOR: "" }, true],
    [{ isTTY: false }, { FORCE_COLOR: "1" }, true],
    [{ isTTY: true }, { FORCE_COLOR: "0" }, false],
    [{ isTTY: true }, { TERM: "dumb" }, false],
  ])("%o with %o: %s", (stream, env, expected) => {
    expect(wantsColor({ ...stream, write: () => {} }, env)).toBe(expected);
  });
});

describe("snapshot references", () => {
  it("name a component and a serial", () => {
    expect(parseReference("m2@13")).toEqual({ component: "m2", serial: 13 });
  });

  it.each(["m1", "m1@", "@1", "m1@x", "m1@0", "m1@-1", "m1@1.5", "m1@1e3", "m1@99999999999999999999", ""])(
    "reject %j",
    (text) => {
      expect(() => parseReference(text)).toThrow(InvalidArgumentError);
    },
  );

  it("limit serials and ports to their ranges", () => {
    expect(parseSerial("7")).toBe(7);
    expect(parsePort("0")).toBe(0);
    expect(() => parsePort("65536")).toThrow(InvalidArgumentError);
    expect(() => parsePort("http")).toThrow(InvalidArgumentError);
  });
});

describe("protocol parameters", () => {
  it("are numbers if numeric, and strings otherwise", () => {
    const parameters = ["sigma=0.15", "lambda=1e-3", "source=audit-direct"].reduce(
      (all, one) => collectParameter(one, all),
      {},
    );
    expect(parameters).toEqual({ sigma: 0.15, lambda: 0.001, source: "audit-direct" });
    expect(formatProtocol({ name: "proximal", parameters })).toBe(
      "proximal sigma=0.15 lambda=0.001 source=audit-direct",
    );
  });

  it.each(["sigma", "=1", "sigma=", "1x=2"])("reject %j", (text) => {
    expect(() => collectParameter(text, {})).toThrow(InvalidArgumentError);
  });

  it("are accepted once each, and only with a protocol", () => {
    expect(() => collectParameter("sigma=2", { sigma: 1 })).toThrow(/twice/);
    expect(() => protocolOf(undefined, { sigma: 1 })).toThrow(/--protocol/);
    expect(protocolOf(undefined, {})).toBeUndefined();
  });
});
