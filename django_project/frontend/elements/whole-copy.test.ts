import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { BACKER, CAMPAIGN, HASH } from "../testing.ts";
import { copyWholes } from "./whole-copy.ts";

const short = (id: string, whole: string): string =>
  `<span class="hash" id="${id}" title="${whole}">${whole.slice(0, 6)}…${whole.slice(-4)}</span>`;

const element = (id: string): HTMLElement => document.getElementById(id) as HTMLElement;
const letters = (id: string): Text => element(id).firstChild as Text;

function select(start: Node, from: number, end: Node, to: number): void {
  document.getSelection()?.setBaseAndExtent(start, from, end, to);
}

/** What a copy puts on the clipboard, or undefined where it is left to the browser. */
function copied(target: EventTarget = document): string | undefined {
  const held = new Map<string, string>();
  const clipboardData = { setData: (kind: string, text: string) => held.set(kind, text) };
  const event = new Event("copy", { bubbles: true, cancelable: true });
  target.dispatchEvent(Object.assign(event, { clipboardData }));
  expect(event.defaultPrevented).toBe(held.size > 0);
  return held.get("text/plain");
}

beforeAll(() => copyWholes());
beforeEach(() => {
  document.body.innerHTML =
    `<p id="before">0 words, </p><p id="line">From ${short("backer", BACKER)} to <a href="#">` +
    `${short("campaign", CAMPAIGN)}</a> in ${short("transaction", HASH)}, final.</p>` +
    `<p id="after">Words <span class="hash">0x12</span> and <span title="a title">more</span></p><textarea></textarea>`;
});

describe("copying", () => {
  it("puts the whole of each shortened text in its place", () => {
    select(element("line"), 0, element("line"), element("line").childNodes.length);
    expect(copied()).toBe(`From ${BACKER} to ${CAMPAIGN} in ${HASH}, final.`);
  });

  it("does so for the same address twice, and whichever way it was selected", () => {
    element("campaign").replaceWith(element("backer").cloneNode(true));
    const line = element("line");
    select(line, line.childNodes.length, line, 0);
    expect(copied()).toBe(`From ${BACKER} to ${BACKER} in ${HASH}, final.`);
  });

  it.each([
    ["the middle", 2, 5],
    ["the beginning", 0, 3],
    ["the end", 9, 11],
    ["one letter", 6, 7],
  ])("takes %s of a shortened text for all of it", (_, from, to) => {
    select(letters("backer"), from, letters("backer"), to);
    expect(copied()).toBe(BACKER);
  });

  it("takes the texts that a selection begins and ends in for all of them", () => {
    select(letters("backer"), 8, letters("transaction"), 1);
    expect(copied()).toBe(`${BACKER} to ${CAMPAIGN} in ${HASH}`);
  });

  it("does not mistake other text for the part at the end", () => {
    select(element("before"), 0, letters("backer"), 1);
    expect(copied()).toBe(`0 words, From ${BACKER}`);
  });

  it("is left to the browser where nothing shortened is selected", () => {
    select(element("after"), 0, element("after"), element("after").childNodes.length);
    expect(copied()).toBeUndefined();
    select(element("line").firstChild as Text, 0, letters("backer"), 0);
    expect(copied()).toBeUndefined();
    document.getSelection()?.removeAllRanges();
    expect(copied()).toBeUndefined();
  });

  it("is left to the browser in a field, whatever else is selected", () => {
    select(element("line"), 0, element("line"), element("line").childNodes.length);
    expect(copied(document.querySelector("textarea") as HTMLTextAreaElement)).toBeUndefined();
  });
});
