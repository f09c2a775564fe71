import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DwellClock } from "./dwell.ts";
import { BATCH_LIMIT, BeaconQueue, FLUSH_MILLISECONDS, type Observation } from "./queue.ts";
import {
  BEACON_URL,
  IMPRESSION_MILLISECONDS,
  LONGEST_IMPRESSION_MILLISECONDS,
  startBeacon,
} from "./start.ts";

function seen(id: number): Observation {
  return {
    id: String(id),
    kind: "impression",
    campaign: "31337:0xab",
    dwell_seconds: 0,
    slot: null,
    propensity: null,
    model_version: "",
    occurred_at: "2026-01-01T00:00:00Z",
  };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("BeaconQueue", () => {
  const ids = (body: string): string[] => JSON.parse(body).events.map((event: Observation) => event.id);

  it("sends nothing when nothing was seen", () => {
    const send = vi.fn(() => true);
    new BeaconQueue(send).flush();
    expect(send).not.toHaveBeenCalled();
  });

  it("gathers what comes close together into one post", () => {
    const send = vi.fn((_: string) => true);
    const queue = new BeaconQueue(send);
    queue.add(seen(1));
    queue.add(seen(2));
    vi.advanceTimersByTime(FLUSH_MILLISECONDS);
    expect(send.mock.calls.map(([body]) => ids(body))).toEqual([["1", "2"]]);
  });

  it("never posts more than the server takes", () => {
    const send = vi.fn((_: string) => true);
    const queue = new BeaconQueue(send);
    for (let id = 0; id < BATCH_LIMIT + 7; id += 1) queue.add(seen(id));
    queue.flush();
    expect(send.mock.calls.map(([body]) => ids(body).length)).toEqual([BATCH_LIMIT, 7]);
  });

  it("keeps what the browser would not take", () => {
    const send = vi.fn((_: string) => false);
    const queue = new BeaconQueue(send);
    queue.add(seen(1));
    queue.flush();
    send.mockReturnValue(true);
    queue.flush();
    expect(send.mock.calls.map(([body]) => ids(body))).toEqual([["1"], ["1"]]);
  });
});

describe("DwellClock", () => {
  it("counts only the time that was looked at", () => {
    let now = 0;
    const clock = new DwellClock(() => now);
    clock.resume();
    now = 4000;
    clock.pause();
    now = 60_000;
    clock.resume();
    clock.resume();
    now = 63_000;
    expect(clock.seconds).toBe(7);
  });
});

describe("startBeacon", () => {
  let observers: { callback: IntersectionObserverCallback; watched: Element[] }[] = [];
  const sendBeacon = vi.fn((_url: string, _data: Blob) => true);

  beforeEach(() => {
    observers = [];
    sendBeacon.mockClear();
    Object.defineProperty(navigator, "sendBeacon", { value: sendBeacon, configurable: true });
    vi.stubGlobal(
      "IntersectionObserver",
      class {
        watched: Element[] = [];
        constructor(readonly callback: IntersectionObserverCallback) {
          observers.push(this);
        }
        observe(element: Element): void {
          this.watched.push(element);
        }
        unobserve(element: Element): void {
          this.watched = this.watched.filter((each) => each !== element);
        }
      },
    );
  });
  afterEach(() => void vi.unstubAllGlobals());

  function show(target: Element, isIntersecting: boolean): void {
    observers[0]?.callback([{ target, isIntersecting } as IntersectionObserverEntry], {} as never);
  }

  async function sent(): Promise<Observation[]> {
    vi.useRealTimers();
    const bodies = await Promise.all(sendBeacon.mock.calls.map(([, blob]) => blob.text()));
    return bodies.flatMap((body) => JSON.parse(body).events);
  }

  it("reports a card with its slot once it was on screen for a second", async () => {
    document.body.innerHTML =
      '<article data-impression="31337:0xab" data-slot="3" data-propensity="0.05" data-model-version="run-1"></article>';
    const card = document.querySelector("article") as Element;
    startBeacon();
    show(card, true);
    vi.advanceTimersByTime(IMPRESSION_MILLISECONDS);
    window.dispatchEvent(new Event("pagehide"));
    vi.advanceTimersByTime(FLUSH_MILLISECONDS);
    expect(sendBeacon.mock.calls[0]?.[0]).toBe(BEACON_URL);
    expect(await sent()).toMatchObject([
      { kind: "impression", campaign: "31337:0xab", slot: 3, propensity: 0.05, model_version: "run-1" },
    ]);
  });

  it("tells how long the card was on the screen, and since when, once it is left", async () => {
    document.body.innerHTML = '<article data-impression="31337:0xab"></article>';
    const card = document.querySelector("article") as Element;
    vi.setSystemTime("2026-01-01T10:00:00Z");
    startBeacon();
    show(card, true);
    vi.advanceTimersByTime(4000);
    show(card, false);
    expect(observers[0]?.watched).toEqual([]);
    vi.advanceTimersByTime(9000);
    window.dispatchEvent(new Event("pagehide"));
    expect(await sent()).toMatchObject([{ dwell_seconds: 4, occurred_at: "2026-01-01T10:00:00.000Z" }]);
  });

  it("does not wait for ever for a card to be left", async () => {
    document.body.innerHTML = '<article data-impression="31337:0xab"></article>';
    startBeacon();
    show(document.querySelector("article") as Element, true);
    vi.advanceTimersByTime(LONGEST_IMPRESSION_MILLISECONDS + FLUSH_MILLISECONDS);
    expect(await sent()).toMatchObject([{ kind: "impression", dwell_seconds: 60 }]);
  });

  it("waits for a card that was only scrolled past to come back", async () => {
    document.body.innerHTML = '<article data-impression="31337:0xab"></article>';
    const card = document.querySelector("article") as Element;
    startBeacon();
    show(card, true);
    vi.advanceTimersByTime(IMPRESSION_MILLISECONDS - 1);
    show(card, false);
    expect(observers[0]?.watched).toEqual([card]);
    show(card, true);
    vi.advanceTimersByTime(2000);
    show(card, false);
    window.dispatchEvent(new Event("pagehide"));
    expect(await sent()).toMatchObject([{ kind: "impression", dwell_seconds: 2 }]);
  });

  it("ignores a card that was only scrolled past", async () => {
    document.body.innerHTML = '<article data-impression="31337:0xab"></article>';
    const card = document.querySelector("article") as Element;
    startBeacon();
    show(card, true);
    vi.advanceTimersByTime(IMPRESSION_MILLISECONDS - 1);
    show(card, false);
    vi.advanceTimersByTime(FLUSH_MILLISECONDS * 2);
    expect(sendBeacon).not.toHaveBeenCalled();
  });

  it("reports how long a campaign was read when its page is left", async () => {
    document.body.innerHTML = '<article data-view="31337:0xab"></article>';
    startBeacon();
    vi.advanceTimersByTime(12_000);
    window.dispatchEvent(new Event("pagehide"));
    expect(await sent()).toMatchObject([{ kind: "view", campaign: "31337:0xab", dwell_seconds: 12 }]);
  });
});
