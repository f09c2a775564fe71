import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type DraftAnswer, PAUSE_MILLISECONDS } from "./draft-form.ts";

const KEY = "chainfund:draft:d1:";
type Sent = Record<string, { text: string; seen: number }>;

let sent: Sent[] = [];
let answers: (() => Response)[] = [];

const answer = (revision: number, more: Partial<DraftAnswer> = {}): (() => Response) => {
  const body = { revision, saved_at: "2027-01-10T12:03:00Z", conflicts: {}, problems: {}, ...more };
  return () => new Response(JSON.stringify(body), { status: 200 });
};
const refusal = (status: number, code: string, fields = {}): (() => Response) => {
  const body = { error: { code, message: `no: ${code}`, fields } };
  return () => new Response(JSON.stringify(body), { status });
};

const field = (name: string): HTMLInputElement =>
  document.querySelector(`[name="${name}"]`) as HTMLInputElement;
const box = (name: string): HTMLElement => document.querySelector(`[data-field="${name}"]`) as HTMLElement;
const status = (): string => document.querySelector("[data-status]")?.textContent?.trim() ?? "";
const kept = (name: string): unknown => JSON.parse(localStorage.getItem(KEY + name) ?? "null");
const type = (name: string, text: string): void => {
  field(name).value = text;
  field(name).dispatchEvent(new Event("input", { bubbles: true }));
};
const pause = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(PAUSE_MILLISECONDS);
};
/** What the form's button sends, unless the page holds it back. */
const submit = (): Record<string, string> | null => {
  const form = document.querySelector("form") as HTMLFormElement;
  const submitter = form.querySelector("button[name=act]") as HTMLButtonElement;
  const event = new SubmitEvent("submit", { submitter, cancelable: true });
  if (!form.dispatchEvent(event)) return null;
  return Object.fromEntries(dataOf(form, submitter)) as Record<string, string>;
};
/** As browsers collect it, who ask the page about it; jsdom does not ask. */
const dataOf = (form: HTMLFormElement, submitter?: HTMLElement): FormData => {
  const formData = new FormData(form, submitter);
  form.dispatchEvent(Object.assign(new Event("formdata"), { formData }));
  return formData;
};
const press = (words: string): void => {
  const button = [...document.querySelectorAll("button")].find((each) => each.textContent === words);
  button?.click();
};

const WORDS =
  "saving saved offline signed-out sign-in refused contested gone theirs keep-mine take-theirs restored";

const open = (revision = 4, title = "Honey", extra = ""): void => {
  const words = WORDS.split(" ").map((word) => {
    return `<span data-word="${word}">${word}${word === "saved" ? " {time}" : ""}</span>`;
  });
  const line = (name: string): string =>
    `<p data-problem hidden><span></span></p>${name === "title" ? extra : ""}`;
  document.body.innerHTML = `
    <input type="hidden" name="csrfmiddlewaretoken" value="t">
    <template id="draft-words">${words.join("")}</template>
    <draft-form data-url="/api/v1/drafts/d1" data-draft="d1" data-revision="${revision}"><form>
      <div data-field="title"><input type="hidden" name="base.title" value="${revision}-d">
        <input name="title" value="${title}">${line("title")}</div>
      <div data-field="story"><textarea name="story"></textarea>${line("story")}</div>
      <div data-field="mode">
        <input type="radio" name="mode" value="all"><input type="radio" name="mode" value="keep">${line("mode")}
      </div>
      <p data-status></p><button name="act" value="next">go on</button>
    </form></draft-form>`;
};

beforeEach(() => {
  vi.useFakeTimers();
  localStorage.clear();
  [sent, answers] = [[], []];
  vi.stubGlobal("fetch", async (_url: string, request: RequestInit): Promise<Response> => {
    sent.push((JSON.parse(String(request.body)) as { changes: Sent }).changes);
    const next = answers.shift();
    if (!next) throw new TypeError("offline");
    return next();
  });
});

afterEach(() => {
  document.body.innerHTML = "";
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("draft-form", () => {
  it("saves after a pause what differs, with the revision that was seen", async () => {
    open();
    answers = [answer(5), answer(6)];
    type("title", "H");
    await vi.advanceTimersByTimeAsync(PAUSE_MILLISECONDS - 1);
    type("title", "Wax");
    await vi.advanceTimersByTimeAsync(PAUSE_MILLISECONDS - 1);
    expect(sent).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(sent).toEqual([{ title: { text: "Wax", seen: 4 } }]);
    expect(status()).toMatch(/^saved /);
    expect(kept("title")).toBeNull();
    field("mode").checked = true;
    field("mode").dispatchEvent(new Event("change", { bubbles: true }));
    type("title", "Wax 2");
    await pause();
    expect(sent[1]).toEqual({ title: { text: "Wax 2", seen: 5 }, mode: { text: "all", seen: 4 } });
  });

  it("says nothing to the site while nothing differs", async () => {
    open();
    type("title", "Wax");
    type("title", "Honey");
    await pause();
    expect(sent).toEqual([]);
  });

  it("saves what was typed while it was saving", async () => {
    open();
    answers = [
      () => {
        type("title", "Wax and more");
        return answer(5)();
      },
      answer(6),
    ];
    type("title", "Wax");
    await pause();
    expect(sent[1]).toEqual({ title: { text: "Wax and more", seen: 5 } });
    expect(kept("title")).toBeNull();
  });

  it("keeps what could not be saved, tries again, and takes it back after a reload", async () => {
    open();
    type("title", "Wax");
    await pause();
    expect(status()).toBe("offline");
    expect(kept("title")).toEqual({ text: "Wax", seen: 4 });
    answers = [answer(5)];
    open();
    await vi.advanceTimersByTimeAsync(0);
    expect(field("title").value).toBe("Wax");
    expect(sent.at(-1)).toEqual({ title: { text: "Wax", seen: 4 } });
    expect(status()).toBe("restored");
    expect(kept("title")).toBeNull();
  });

  it("tries again by itself once the site answers", async () => {
    open();
    type("title", "Wax");
    await pause();
    answers = [answer(5)];
    await vi.advanceTimersByTimeAsync(10_000);
    expect(status()).toMatch(/^saved /);
  });

  it("goes by the revision that was seen when the typing began, also after a reload", async () => {
    open();
    type("title", "Wax");
    await pause();
    answers = [answer(9, { conflicts: { title: { text: "Mead", revision: 8 } } })];
    open(9, "Mead");
    await vi.advanceTimersByTimeAsync(0);
    expect(sent.at(-1)).toEqual({ title: { text: "Wax", seen: 4 } });
    expect(box("title").querySelector("blockquote")?.textContent).toBe("Mead");
  });

  it("drops what the site has by now, and what belongs to no field", async () => {
    localStorage.setItem(`${KEY}title`, JSON.stringify({ text: "Honey", seen: 1 }));
    localStorage.setItem(`${KEY}gone`, JSON.stringify({ text: "x", seen: 1 }));
    localStorage.setItem(`${KEY}story`, "no JSON");
    open();
    await pause();
    expect(sent).toEqual([]);
    expect([kept("title"), kept("gone")]).toEqual([null, null]);
  });

  it("asks to sign in again and loses nothing", async () => {
    open();
    answers = [refusal(401, "sign_in_required")];
    type("title", "Wax");
    await pause();
    expect(status()).toBe("signed-out sign-in");
    expect(document.querySelector("[data-status] a")?.getAttribute("href")).toMatch(/^\/sign-in\/\?next=/);
    expect(kept("title")).toEqual({ text: "Wax", seen: 4 });
  });

  it("says at its field what the site refuses", async () => {
    open();
    answers = [refusal(400, "text_too_long", { title: "too long" })];
    type("title", "x".repeat(300));
    await pause();
    expect(box("title").textContent).toContain("too long");
    expect(field("title").getAttribute("aria-invalid")).toBe("true");
    expect(status()).toBe("refused no: text_too_long");
  });

  it("shows what stops the launch, and takes it away when it no longer does", async () => {
    open();
    answers = [answer(5, { problems: { title: "too long" } }), answer(6)];
    type("title", "x".repeat(130));
    await pause();
    expect(box("title").querySelector<HTMLElement>("[data-problem]")?.hidden).toBe(false);
    type("title", "Wax");
    await pause();
    expect(box("title").querySelector<HTMLElement>("[data-problem]")?.hidden).toBe(true);
    expect(field("title").hasAttribute("aria-invalid")).toBe(false);
  });
});

describe("a field that somebody else wrote meanwhile", () => {
  const contested = async (text: string | null = "Mead"): Promise<void> => {
    open();
    answers = [answer(7, { conflicts: { title: { text, revision: 6 } } })];
    type("title", "Wax");
    type("story", "Bees.");
    await pause();
  };

  it("is left to its writer, while the others are saved", async () => {
    await contested();
    expect(box("title").querySelector("blockquote")?.textContent).toBe("Mead");
    expect(kept("title")).toEqual({ text: "Wax", seen: 4 });
    expect(kept("story")).toBeNull();
    type("title", "Wax!");
    await pause();
    expect(sent).toHaveLength(1);
  });

  it("is written over when its writer says so", async () => {
    await contested();
    answers = [answer(8)];
    press("keep-mine");
    await vi.advanceTimersByTimeAsync(0);
    expect(sent[1]).toEqual({ title: { text: "Wax", seen: 6 } });
    expect(box("title").querySelector("[data-conflict]")).toBeNull();
    expect(kept("title")).toBeNull();
  });

  it("becomes the other one's when its writer says so", async () => {
    await contested();
    press("take-theirs");
    await pause();
    expect(field("title").value).toBe("Mead");
    expect(sent).toHaveLength(1);
    expect(kept("title")).toBeNull();
    answers = [answer(8)];
    type("title", "Mead 2");
    await pause();
    expect(sent[1]).toEqual({ title: { text: "Mead 2", seen: 6 } });
  });

  it("is only shown to copy where its row was removed", async () => {
    await contested(null);
    expect(box("title").textContent).toContain("gone");
    expect(box("title").querySelectorAll("button")).toHaveLength(0);
  });

  it("is not saved by itself where the page came back with both texts", async () => {
    open(7, "Wax", "<div data-conflict><blockquote>Mead</blockquote></div>");
    type("title", "Wax!");
    await pause();
    expect(sent).toEqual([]);
    expect(kept("title")).toEqual({ text: "Wax!", seen: 7 });
  });
});

describe("a button of the form", () => {
  it("sends what the site does not have yet, each with what was seen of it", async () => {
    open();
    answers = [answer(7)];
    type("story", "Bees.");
    await pause();
    type("title", "Wax");
    // The story was seen at 7, the title at 4: one number for both would write over another window's title.
    expect(submit()).toEqual({ "base.title": "4", title: "Wax", act: "next" });
    type("story", "Bees. And wasps.");
    expect(submit()).toMatchObject({ story: "Bees. And wasps.", "base.story": "7" });
  });

  it("leaves the preview the whole form", async () => {
    open();
    const form = document.querySelector("form") as HTMLFormElement;
    expect(dataOf(form).get("title")).toBe("Honey");
    submit();
    expect(dataOf(form).get("title")).toBe("Honey");
  });

  it("waits for a save that is under way, and is pressed again by itself", async () => {
    open();
    const form = document.querySelector("form") as HTMLFormElement;
    const again = vi.spyOn(form, "requestSubmit").mockImplementation(() => undefined);
    let held: Record<string, string> | null = {};
    answers = [
      () => {
        held = submit();
        return answer(5)();
      },
    ];
    type("title", "Wax");
    await pause();
    expect(held).toBeNull();
    expect(again).toHaveBeenCalledWith(form.querySelector("button[name=act]"));
    expect(again).toHaveBeenCalledTimes(1);
  });
});
