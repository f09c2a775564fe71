import { DwellClock } from "./dwell.ts";
import { BeaconQueue, type Observation } from "./queue.ts";

export const BEACON_URL = "/api/v1/beacon";
/** A card counts as seen once half of it was on screen for a second. */
export const IMPRESSION_SHARE = 0.5;
export const IMPRESSION_MILLISECONDS = 1000;

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

function watchCards(queue: BeaconQueue): void {
  const timers = new Map<Element, ReturnType<typeof setTimeout>>();
  const observer = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        clearTimeout(timers.get(target));
        if (!isIntersecting || !(target instanceof HTMLElement)) continue;
        const card = target;
        timers.set(
          card,
          setTimeout(() => {
            observer.unobserve(card);
            queue.add(cardObservation(card));
          }, IMPRESSION_MILLISECONDS),
        );
      }
    },
    { threshold: IMPRESSION_SHARE },
  );
  const watch = (root: ParentNode): void => {
    for (const card of root.querySelectorAll<HTMLElement>("[data-impression]")) observer.observe(card);
  };
  watch(document);
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.target instanceof Element) watch(event.target);
  });
}

function cardObservation(card: HTMLElement): Observation {
  const { impression = "", slot, propensity, modelVersion } = card.dataset;
  return observation("impression", impression, {
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
    queue.flush();
  });
}

/** Record impressions and reading time; called only when the visitor agreed. */
export function startBeacon(): void {
  const queue = new BeaconQueue((body) =>
    navigator.sendBeacon(BEACON_URL, new Blob([body], { type: "application/json" })),
  );
  watchCards(queue);
  watchReading(queue);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) queue.flush();
  });
}
