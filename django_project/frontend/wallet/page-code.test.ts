import { encode } from "uqr";
import { describe, expect, it } from "vitest";
import { pageCode } from "./page-code.ts";

describe("pageCode", () => {
  const page = new URL("https://chainfund.example/campaigns/蜂蜜/pledge/review/?tier=2&amount=0.25");

  it("draws every dark module of the page's address, within a light border", () => {
    const svg = pageCode(page, "This page");
    const { data, size } = encode(page.href, { ecc: "M", border: 4 });
    const drawn =
      svg
        .querySelector("path")
        ?.getAttribute("d")
        ?.match(/M\d+ \d+/g) ?? [];
    expect(drawn).toHaveLength(data.flat().filter(Boolean).length);
    expect(
      drawn.every((at) =>
        at
          .slice(1)
          .split(" ")
          .every((n) => Number(n) >= 4 && Number(n) < size - 4),
      ),
    ).toBe(true);
    expect(svg.getAttribute("viewBox")).toBe(`0 0 ${size} ${size}`);
    expect(svg.getAttribute("aria-label")).toBe("This page");
  });
});
