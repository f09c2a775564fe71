import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import "./share-button.ts";

const ADDRESS = "https://chainfund.example/campaigns/honey/";

const offer = (name: "share" | "clipboard", value: unknown): void => {
  Object.defineProperty(navigator, name, { value, configurable: true });
};
const label = (): string => document.querySelector("[data-label]")?.textContent ?? "";
/** Whether the click was kept from following the link. */
const press = (): boolean => {
  const link = document.querySelector("a") as HTMLAnchorElement;
  const event = new MouseEvent("click", { bubbles: true, cancelable: true });
  link.dispatchEvent(event);
  return event.defaultPrevented;
};

beforeEach(() => {
  vi.useFakeTimers();
  document.body.innerHTML = `<share-button data-title="Honey" data-done="Link copied">
    <a href="${ADDRESS}"><span data-label>Share</span></a></share-button>`;
});

afterEach(() => {
  vi.useRealTimers();
  offer("share", undefined);
  offer("clipboard", undefined);
});

describe("share-button", () => {
  it("opens the device's sheet where there is one", async () => {
    const share = vi.fn().mockResolvedValue(undefined);
    const writeText = vi.fn();
    offer("share", share);
    offer("clipboard", { writeText });
    expect(press()).toBe(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(share).toHaveBeenCalledWith({ title: "Honey", url: ADDRESS });
    expect(writeText).not.toHaveBeenCalled();
  });

  it("takes a closed sheet for an answer", async () => {
    const writeText = vi.fn();
    offer("share", vi.fn().mockRejectedValue(new DOMException("closed", "AbortError")));
    offer("clipboard", { writeText });
    press();
    await vi.advanceTimersByTimeAsync(0);
    expect(writeText).not.toHaveBeenCalled();
    expect(label()).toBe("Share");
  });

  it("copies the address where there is no sheet, or it fails, and says so for a moment", async () => {
    for (const share of [undefined, vi.fn().mockRejectedValue(new Error("no targets"))]) {
      const writeText = vi.fn().mockResolvedValue(undefined);
      offer("share", share);
      offer("clipboard", { writeText });
      press();
      press();
      await vi.advanceTimersByTimeAsync(0);
      expect(writeText).toHaveBeenCalledWith(ADDRESS);
      expect(label()).toBe("Link copied");
      await vi.advanceTimersByTimeAsync(2000);
      expect(label()).toBe("Share");
    }
  });

  it("stays a link where nothing can be done", () => {
    expect(press()).toBe(false);
  });
});
