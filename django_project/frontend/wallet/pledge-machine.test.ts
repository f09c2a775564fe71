import { describe, expect, it } from "vitest";
import { HASH } from "../testing.ts";
import {
  type Attempt,
  type Effect,
  type Happening,
  type Intent,
  type Need,
  READY,
  type State,
  step,
} from "./pledge-machine.ts";
import { Problem } from "./problems.ts";

const attempt: Attempt = { isFurther: false, mayPermit: true };
const further: Attempt = { isFurther: true, mayPermit: true };
const intent: Intent = { id: "7", ref: HASH, statusUrl: "/pledges/7/" };
const permit = { deadline: 1n, v: 27, r: HASH, s: HASH };
const terms = { domain: {}, nonce: 0n, deadline: 1n };
const problem = new Problem("node-trouble");

/** One state of each kind. */
const STATES: Record<State["at"], State> = {
  ready: READY,
  held: { at: "held" },
  looking: { at: "looking", attempt },
  connecting: { at: "connecting", attempt },
  checking: { at: "checking", attempt },
  permitting: { at: "permitting", attempt },
  clearing: { at: "clearing", attempt },
  approving: { at: "approving", attempt },
  writing: { at: "writing", attempt },
  opening: { at: "opening", attempt, intent },
  noting: { at: "noting", attempt, intent },
  asking: { at: "asking", intent },
  leaving: { at: "leaving", intent },
};

/** One happening of each kind. */
const HAPPENINGS: Record<Happening["is"], Happening> = {
  shown: { is: "shown" },
  pressed: { is: "pressed" },
  decided: { is: "decided" },
  "none-open": { is: "none-open" },
  "found-open": { is: "found-open", statusUrl: "/pledges/3/" },
  connected: { is: "connected" },
  checked: { is: "checked", need: { for: "nothing" } },
  permitted: { is: "permitted", permit },
  "not-permitted": { is: "not-permitted" },
  cleared: { is: "cleared" },
  approved: { is: "approved" },
  written: { is: "written", intent },
  opened: { is: "opened" },
  noted: { is: "noted" },
  sent: { is: "sent", intent, hash: HASH },
  unsent: { is: "unsent", problem },
  unanswered: { is: "unanswered" },
  silent: { is: "silent" },
  slow: { is: "slow" },
  stopped: { is: "stopped", problem },
};

/** What an effect does, and the words it says. */
function told(effects: readonly Effect[]): string[] {
  return effects.map((effect) => {
    if (effect.do === "say") return `say ${effect.key}`;
    if (effect.do === "let-press") return effect.isAllowed ? "let press" : "keep from pressing";
    return effect.do;
  });
}

const STOP = ["say-problem", "let press"];
const UNDO = ["tell-rejected", ...STOP];
const HOLD = ["keep from pressing", "say payment-under-way"];
const RESTART = ["keep from pressing", "look-for-open-payment"];
const CHECK = ["keep from pressing", "say checking", "check"];
const SILENT = ["say no-answer", "let press"];
const LATE_HASH = ["note-sent", "report"];

/** Every transition that changes something: what is in no line is ignored. */
const TRANSITIONS: Record<State["at"], Partial<Record<Happening["is"], [State["at"], string[]]>>> = {
  ready: {
    pressed: ["looking", RESTART],
    "none-open": ["ready", ["say-nothing", "let press"]],
    "found-open": ["held", HOLD],
    stopped: ["ready", STOP],
  },
  held: {
    decided: ["connecting", ["set-open-payments-aside", "keep from pressing", "say connecting", "connect"]],
  },
  looking: {
    pressed: ["looking", RESTART],
    "none-open": ["connecting", ["keep from pressing", "say connecting", "connect"]],
    "found-open": ["held", HOLD],
    silent: ["looking", SILENT],
    stopped: ["ready", STOP],
  },
  connecting: {
    pressed: ["looking", RESTART],
    connected: ["checking", CHECK],
    silent: ["connecting", SILENT],
    stopped: ["ready", STOP],
  },
  checking: {
    pressed: ["looking", RESTART],
    checked: ["writing", ["write-intent"]],
    silent: ["checking", SILENT],
    stopped: ["ready", STOP],
  },
  permitting: {
    pressed: ["looking", RESTART],
    permitted: ["checking", CHECK],
    "not-permitted": ["checking", CHECK],
    silent: ["permitting", SILENT],
    stopped: ["ready", STOP],
  },
  clearing: {
    pressed: ["looking", RESTART],
    cleared: ["checking", CHECK],
    silent: ["clearing", SILENT],
    slow: ["clearing", ["let press"]],
    stopped: ["ready", STOP],
  },
  approving: {
    pressed: ["looking", RESTART],
    approved: ["checking", CHECK],
    silent: ["approving", SILENT],
    slow: ["approving", ["let press"]],
    stopped: ["ready", STOP],
  },
  writing: {
    written: ["opening", ["tell-opened"]],
    "found-open": ["held", HOLD],
    stopped: ["ready", STOP],
  },
  opening: { opened: ["noting", ["note-asked"]], stopped: ["ready", UNDO] },
  noting: {
    noted: ["asking", ["say awaiting-signature", "ask-to-pay"]],
    "found-open": ["held", ["tell-rejected", ...HOLD]],
    stopped: ["ready", UNDO],
  },
  asking: {
    sent: ["leaving", ["note-sent", "say sent", "report", "leave"]],
    unsent: ["ready", ["forget", ...UNDO]],
    unanswered: ["leaving", ["say payment-unanswered", "leave"]],
    silent: ["asking", ["say payment-unanswered"]],
  },
  leaving: {},
};

/** In every state: what may change it. */
const ANYWHERE: Partial<Record<Happening["is"], string[]>> = { sent: LATE_HASH };

const every = Object.values(STATES).flatMap((state) =>
  Object.values(HAPPENINGS).map((happening) => [state.at, happening.is] as const),
);

describe("the life of a contribution", () => {
  it.each(every)("%s, %s", (at, is) => {
    const [state, effects] = step(STATES[at], HAPPENINGS[is]);
    const shown: [State["at"], string[]] | undefined = is === "shown" ? ["ready", RESTART] : undefined;
    const expected = TRANSITIONS[at][is] ?? shown ?? [at, ANYWHERE[is] ?? []];
    expect([state.at, told(effects)]).toEqual(expected);
  });

  it.each([
    ["permit", { for: "permit", terms }, "permitting", ["say permit-token", "sign-permit"]],
    ["clearing", { for: "clearing" }, "clearing", ["say clear-allowance", "clear-allowance"]],
    ["approval", { for: "approval" }, "approving", ["say approve-token", "approve"]],
  ] as [string, Need, string, string[]][])("asks for what the token needs: %s", (_, need, at, effects) => {
    const [state, does] = step(STATES.checking, { is: "checked", need });
    expect([state.at, told(does)]).toEqual([at, effects]);
  });

  it("tries a permit once, and sends an approval without it", () => {
    const [checking] = step(STATES.permitting, { is: "permitted", permit });
    expect(checking).toEqual({ at: "checking", attempt: { ...attempt, permit, mayPermit: false } });
    const [approving] = step(checking, { is: "checked", need: { for: "approval" } });
    expect(approving).toEqual({ at: "approving", attempt: { ...attempt, mayPermit: false } });
    expect(step(STATES.permitting, { is: "not-permitted" })[0]).toEqual({
      at: "checking",
      attempt: { ...attempt, mayPermit: false },
    });
  });

  it("pays with the permit that was signed", () => {
    const [, effects] = step({ at: "noting", attempt: { ...attempt, permit }, intent }, { is: "noted" });
    expect(effects).toContainEqual({ do: "ask-to-pay", intent, permit });
  });

  it("carries a decision to pay again as far as the site and this browser", () => {
    const [connecting] = step(STATES.held, { is: "decided" });
    expect(connecting).toEqual({ at: "connecting", attempt: further });
    const [, write] = step({ at: "checking", attempt: further }, HAPPENINGS.checked);
    expect(write).toContainEqual({ do: "write-intent", isFurther: true });
    const [, note] = step({ at: "opening", attempt: further, intent }, { is: "opened" });
    expect(note).toContainEqual({ do: "note-asked", intent, isFurther: true });
  });

  it("names the page that follows a payment", () => {
    for (const [state, happening] of [
      [STATES.asking, HAPPENINGS.silent],
      [STATES.asking, HAPPENINGS.unanswered],
    ] as const) {
      const say = step(state, happening)[1].find((effect) => effect.do === "say");
      expect(say).toMatchObject({ values: { status: "/pledges/7/" } });
    }
    const [, effects] = step(STATES.ready, HAPPENINGS["found-open"]);
    expect(effects).toContainEqual({
      do: "say",
      key: "payment-under-way",
      values: { status: "/pledges/3/" },
    });
  });
});

describe("whatever happens", () => {
  /** All states that any line of events can lead to, from the page's first showing. */
  function reachable(): [State, Happening, readonly Effect[]][] {
    const seen = new Map<string, State>();
    const found: [State, Happening, readonly Effect[]][] = [];
    const waiting: State[] = [READY];
    const needs: Need[] = [
      { for: "nothing" },
      { for: "permit", terms },
      { for: "clearing" },
      { for: "approval" },
    ];
    const happenings: Happening[] = [
      ...Object.values(HAPPENINGS),
      ...needs.map((need) => ({ is: "checked" as const, need })),
    ];
    while (waiting.length > 0) {
      const state = waiting.pop() as State;
      const name = JSON.stringify(state, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
      if (seen.has(name)) continue;
      seen.set(name, state);
      for (const happening of happenings) {
        const [next, effects] = step(state, happening);
        found.push([state, happening, effects]);
        waiting.push(next);
      }
    }
    return found;
  }
  const all = reachable();
  const does = (effects: readonly Effect[], what: Effect["do"]): boolean =>
    effects.some((effect) => effect.do === what);

  it("visits every kind of state", () => {
    expect(new Set(all.map(([state]) => state.at))).toEqual(new Set(Object.keys(STATES)));
  });

  it("asks for money only right after this browser noted it, and the site heard of it before", () => {
    for (const [state, happening, effects] of all.filter(([, , each]) => does(each, "ask-to-pay"))) {
      expect([state.at, happening.is]).toEqual(["noting", "noted"]);
      expect(effects.filter((effect) => effect.do === "ask-to-pay")).toHaveLength(1);
    }
    for (const [state, happening] of all.filter(([, , each]) => does(each, "note-asked"))) {
      expect([state.at, happening.is]).toEqual(["opening", "opened"]);
    }
  });

  it("gives the button back once money was asked for only when the wallet refused", () => {
    const lets = ([, , effects]: (typeof all)[number]): boolean =>
      effects.some((effect) => effect.do === "let-press" && effect.isAllowed);
    for (const [, happening] of all.filter((each) => each[0].at === "asking" && lets(each))) {
      expect(happening.is).toBe("unsent");
    }
    expect(all.filter((each) => each[0].at === "leaving" && lets(each))).toEqual([]);
  });

  it("forgets a payment only when the wallet refused it", () => {
    for (const [, happening] of all.filter(([, , effects]) => does(effects, "forget"))) {
      expect(happening.is).toBe("unsent");
    }
  });

  it("keeps every hash, whenever it comes", () => {
    for (const [, , effects] of all.filter(([, happening]) => happening.is === "sent")) {
      expect(does(effects, "note-sent") && does(effects, "report")).toBe(true);
    }
  });

  it("says that something was not sent only where nothing can have been", () => {
    const hopeful = ["no-answer", "rejected-payment"];
    for (const [state, , effects] of all) {
      const isSaid = effects.some((effect) => effect.do === "say" && hopeful.includes(effect.key));
      if (isSaid) expect(["asking", "leaving", "held"]).not.toContain(state.at);
    }
  });
});
