import { beforeEach, describe, expect, it, vi } from "vitest";
import { announceChanges } from "./announcer.ts";
import { fillInAmounts } from "./pledge-form.ts";
import { closeSheetsOnOutsideClick } from "./sheets.ts";
import { enhanceThemeForms } from "./theme.ts";

beforeEach(() => document.body.replaceChildren());

describe("announceChanges", () => {
  it("says what a swap changed, once", () => {
    document.body.innerHTML = '<p data-say>4 campaigns</p><p id="announcer"></p>';
    const announcer = document.getElementById("announcer") as HTMLElement;
    announceChanges();
    document.dispatchEvent(new Event("htmx:afterSettle"));
    expect(announcer.textContent).toBe("");
    (document.querySelector("[data-say]") as HTMLElement).textContent = "2 campaigns";
    document.dispatchEvent(new Event("htmx:afterSettle"));
    expect(announcer.textContent).toBe("2 campaigns");
  });
});

describe("fillInAmounts", () => {
  const choose = (value: string): void => {
    const radio = document.querySelector<HTMLInputElement>(`input[value="${value}"]`) as HTMLInputElement;
    radio.checked = true;
    radio.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const amount = (): HTMLInputElement => document.querySelector("input[name=amount]") as HTMLInputElement;

  beforeEach(() => {
    document.body.innerHTML = `<form data-pledge-form data-decimals="18"><input type="radio" name="tier" value="1" data-price="0.1">
      <input type="radio" name="tier" value="2" data-price="1"><input name="amount"><a href="?amount=0.05" data-preset="0.05"><b>0.05 ETH</b></a></form>`;
    fillInAmounts();
  });

  it("writes a preset without leaving the page", () => {
    choose("1");
    const click = new MouseEvent("click", { bubbles: true, cancelable: true });
    document.querySelector("b")?.dispatchEvent(click);
    expect(click.defaultPrevented).toBe(true);
    expect(amount().value).toBe("0.05");
    expect(document.activeElement).toBe(amount());
  });

  it("writes the price of the reward, and of another one after it", () => {
    choose("1");
    expect(amount().value).toBe("0.1");
    choose("2");
    expect(amount().value).toBe("1");
    choose("1");
    expect(amount().value).toBe("0.1");
  });

  it("leaves a larger amount that was typed", () => {
    amount().value = "5";
    choose("2");
    expect(amount().value).toBe("5");
  });

  it.each(["0.5", ".5", "０．５", "0.999999999999999999"])(
    "raises %s, which is too small for the reward",
    (typed) => {
      amount().value = typed;
      choose("2");
      expect(amount().value).toBe("1");
    },
  );

  it.each(["1,000", "1.000000000000000001", "0,5", "half"])(
    "leaves %s: enough, or for the server to ask about",
    (typed) => {
      amount().value = typed;
      choose("2");
      expect(amount().value).toBe(typed);
    },
  );
});

describe("closeSheetsOnOutsideClick", () => {
  beforeEach(() => {
    document.body.innerHTML =
      '<details class="menu-sheet" open><summary>Menu</summary><a>In</a></details><b>Out</b>';
  });
  const sheet = (): HTMLDetailsElement => document.querySelector("details") as HTMLDetailsElement;

  it("closes a menu when something else is clicked or Escape pressed", () => {
    closeSheetsOnOutsideClick();
    document.querySelector("a")?.click();
    expect(sheet().open).toBe(true);
    document.querySelector("b")?.click();
    expect(sheet().open).toBe(false);
    sheet().open = true;
    document.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape" }));
    expect(sheet().open).toBe(false);
  });
});

describe("enhanceThemeForms", () => {
  it("switches at once and tells the server", () => {
    document.body.innerHTML =
      '<form action="/theme/" data-theme-form><button name="theme" value="night">Dark</button></form>';
    const send = vi.fn(async () => new Response());
    vi.stubGlobal("fetch", send);
    enhanceThemeForms();
    document.querySelector("button")?.click();
    expect(document.documentElement.dataset.theme).toBe("night");
    expect(send).toHaveBeenCalledOnce();
    vi.unstubAllGlobals();
  });
});
