import { DwellClock } from "./dwell.ts";
import { BeaconQueue, type Observation } from "./queue.ts";

export const BEACON_URL = "/api/v1/beacon";
/** A card counts as seen once half of it was on screen for a second. */
export const IMPRESSION_SHARE = 0.5;
export const IMPRESSION_MILLISECONDS = 1000;
/** A card that stays longer is reported then: nobody looks at one for so long. */
export const LONGEST_IMPRESSION_MILLISECONDS = 60_000;

function observation(kind: Observation["kind"], campaign: string, more: Partial<Observation>): Observation {
  return {
    id: crypto.randomUUID(),
    kind,
    campaign,
    dwell_seconds: 0,
    slot: null,
    propensity: null,
    model_version: "",
    occurred_at: new Date().toISOString(),
    ...more,
  };
}

interface Showing {
  clock: DwellClock;
  since: string;
  limit: ReturnType<typeof setTimeout>;
}

/** One impression per card, with its time on the screen: reported when the card or the page is left. */
function watchCards(queue: BeaconQueue): void {
  const onScreen = new Map<HTMLElement, Showing>();
  const leave = (card: HTMLElement): void => {
    const showing = onScreen.get(card);
    if (!showing) return;
    onScreen.delete(card);
    clearTimeout(showing.limit);
    observer.unobserve(card);
    if (showing.clock.milliseconds >= IMPRESSION_MILLISECONDS) queue.add(cardObservation(card, showing));
    // It was only scrolled past: it may come back.
    else observer.observe(card);
  };
  const enter = (card: HTMLElement): void => {
    if (onScreen.has(card)) return;
    const clock = new DwellClock();
    clock.resume();
    const limit = setTimeout(() => leave(card), LONGEST_IMPRESSION_MILLISECONDS);
    onScreen.set(card, { clock, since: new Date().toISOString(), limit });
  };
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!(target instanceof HTMLElement)) continue;
        if (isIntersecting) enter(target);
        else leave(target);
      }
    },
    { threshold: IMPRESSION_SHARE },
  );
  const watch = (root: ParentNode): void => {
    for (const card of root.querySelectorAll<HTMLElement>("[data-impression]")) observer.observe(card);
  };
  const leaveAll = (): void => {
    for (const card of [...onScreen.keys()]) leave(card);
  };
  watch(document);
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target instanceof Element) watch(event.target);
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) leaveAll();
  });
  window.addEventListener("pagehide", leaveAll);
}

function cardObservation(card: HTMLElement, { clock, since }: Showing): Observation {
  const { impression = "", slot, propensity, modelVersion } = card.dataset;
  return observation("impression", impression, {
    dwell_seconds: clock.seconds,
    occurred_at: since,
    slot: slot ? Number(slot) : null,
    propensity: propensity ? Number(propensity) : null,
    model_version: modelVersion ?? "",
  });
}

/** One view per visit of a campaign's page, reported when the page is left. */
function watchReading(queue: BeaconQueue): void {
  const campaign = document.querySelector<HTMLElement>("[data-view]")?.dataset.view;
  if (!campaign) return;
  const clock = new DwellClock();
  const started = new Date().toISOString();
  const follow = (): void => (document.hidden ? clock.pause() : clock.resume());
  follow();
  document.addEventListener("visibilitychange", follow);
  window.addEventListener("pagehide", () => {
    clock.pause();
    queue.add(observation("view", campaign, { dwell_seconds: clock.seconds, occurred_at: started }));
  });
}

/** Record impressions and reading time; called only when the visitor agreed. */
export function startBeacon(): void {
  const queue = new BeaconQueue((body) =>
    navigator.sendBeacon(BEACON_URL, new Blob([body], { type: "application/json" })),
  );
  watchCards(queue);
  watchReading(queue);
  // After both have said what they saw.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) queue.flush();
  });
  window.addEventListener("pagehide", () => queue.flush());
}
