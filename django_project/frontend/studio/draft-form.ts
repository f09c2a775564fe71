// A draft saves itself while it is written. Whatever could not be saved stays in this browser until it is.

import { ApiError, isAboutCsrf, postJson } from "../http.ts";
import { Keeping } from "./keeping.ts";

export interface Conflict {
  text: string | null;
  revision: number;
}
export interface DraftAnswer {
  revision: number;
  saved_at: string;
  conflicts: Record<string, Conflict>;
  problems: Record<string, string>;
}
type Changes = Record<string, { text: string; seen: number }>;
type Field = HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement;

/** After the last key, so that a word is not saved letter by letter. */
export const PAUSE_MILLISECONDS = 1_000;
const RETRY_MILLISECONDS = 10_000;

/** `<draft-form data-url data-draft data-revision>` around a draft's form, with its words in `#draft-words`. */
export class DraftForm extends HTMLElement {
  /** The revision at which this page last saw each field. */
  private readonly seen = new Map<string, number>();
  /** What the site has of each field, as far as this page knows. */
  private readonly stored = new Map<string, string>();
  private readonly contested = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private saving = false;
  private isSubmitting = false;
  private submitter: HTMLElement | null = null;
  private keeping!: Keeping;

  connectedCallback(): void {
    this.keeping = new Keeping(this.dataset.draft ?? "");
    for (const name of this.names()) this.stored.set(name, this.storedOf(name));
    this.takeBack();
    this.addEventListener("input", (event) => this.typed(event.target as Field));
    this.addEventListener("change", (event) => this.typed(event.target as Field));
    this.guardSubmit();
    window.addEventListener("online", () => void this.save());
    document.addEventListener("visibilitychange", () => {
      if (document.visibilityState === "hidden") void this.save();
    });
  }

  disconnectedCallback(): void {
    clearTimeout(this.timer);
  }

  /** A button sends what the site does not have yet, each text with what its writer had seen of it. */
  private guardSubmit(): void {
    const form = this.querySelector("form");
    form?.addEventListener("submit", (event) => {
      this.isSubmitting = !this.saving;
      if (!this.saving) return;
      // Two saves of one text at once would be in each other's way.
      event.preventDefault();
      this.submitter = event.submitter;
    });
    form?.addEventListener("formdata", ({ formData }) => {
      // The preview asks for the form's data as well, and wants the whole.
      if (!this.isSubmitting) return;
      this.isSubmitting = false;
      for (const [name, stored] of this.stored) {
        if (this.valueIn(name) === stored) formData.delete(name);
        else formData.set(`base.${name}`, String(this.seenAt(name)));
      }
    });
  }

  private names(): string[] {
    const fields = this.querySelectorAll<Field>(
      "[data-field] :is(input:not([type=hidden]), textarea, select)",
    );
    return [...new Set([...fields].map((field) => field.name))];
  }

  private fields(name: string): Field[] {
    return [...this.querySelectorAll<Field>(`[name="${name}"]`)];
  }

  private valueIn(name: string): string {
    const fields = this.fields(name);
    const isChoice = fields[0] instanceof HTMLInputElement && fields[0].type === "radio";
    if (!isChoice) return fields[0]?.value ?? "";
    return fields.find((field) => (field as HTMLInputElement).checked)?.value ?? "";
  }

  /** What the site has: the field's own text, except where the page came back with two of them. */
  private storedOf(name: string): string {
    const theirs = this.box(name)?.querySelector("[data-conflict] blockquote");
    if (theirs) this.contested.add(name);
    return theirs?.textContent ?? this.valueIn(name);
  }

  private write(name: string, text: string): void {
    for (const field of this.fields(name)) {
      if (field instanceof HTMLInputElement && field.type === "radio") field.checked = field.value === text;
      else field.value = text;
    }
  }

  private seenAt(name: string): number {
    return this.seen.get(name) ?? Number(this.dataset.revision ?? 0);
  }

  /** What an earlier visit could not save: it is written back, and saved unless somebody else was faster. */
  private takeBack(): void {
    let isAny = false;
    for (const [name, { text, seen }] of this.keeping.all()) {
      if (!this.stored.has(name) || this.stored.get(name) === text) {
        this.keeping.clear(name);
        continue;
      }
      isAny = true;
      this.seen.set(name, seen);
      this.write(name, text);
    }
    if (isAny) void this.save("restored");
  }

  private typed(field: Field): void {
    const name = field.name;
    if (!this.stored.has(name)) return;
    this.keeping.keep(name, this.valueIn(name), this.seenAt(name));
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(), PAUSE_MILLISECONDS);
  }

  private changes(): Changes {
    const found: Changes = {};
    for (const [name, stored] of this.stored) {
      const text = this.valueIn(name);
      if (text !== stored && !this.contested.has(name)) found[name] = { text, seen: this.seenAt(name) };
    }
    return found;
  }

  /** Save what differs from what the site has; one save at a time, and again while something is left. */
  private async save(done = "saved"): Promise<void> {
    clearTimeout(this.timer);
    const changes = this.changes();
    if (this.saving || Object.keys(changes).length === 0) return;
    this.saving = true;
    this.say(this.word("saving"));
    const isSaved = await this.send(changes, done).finally(() => {
      this.saving = false;
    });
    if (this.submitAgain() || !isSaved) return;
    await this.save();
  }

  private async send(changes: Changes, done: string): Promise<boolean> {
    try {
      const answer = await postJson<DraftAnswer>(this.dataset.url ?? "", { changes });
      this.took(changes, answer);
      this.say(this.word(done).replace("{time}", clock(answer.saved_at)));
      return true;
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.failed(error);
      return false;
    }
  }

  /** Press the button that had to wait for a save. */
  private submitAgain(): boolean {
    const waiting = this.submitter;
    this.submitter = null;
    if (waiting) this.querySelector("form")?.requestSubmit(waiting);
    return waiting !== null;
  }

  private took(changes: Changes, answer: DraftAnswer): void {
    for (const [name, { text }] of Object.entries(changes)) {
      const conflict = answer.conflicts[name];
      if (conflict) {
        this.contest(name, conflict);
        continue;
      }
      this.stored.set(name, text);
      this.seen.set(name, answer.revision);
      if (this.valueIn(name) === text) this.keeping.clear(name);
    }
    for (const name of this.stored.keys()) this.tellProblem(name, answer.problems[name] ?? "");
  }

  private failed(error: ApiError): void {
    if (error.status === 401 || isAboutCsrf(error)) {
      this.say(this.word("signed-out"), this.signInLink());
      return;
    }
    if (error.isTrouble) {
      this.say(this.word("offline"));
      this.timer = setTimeout(() => void this.save(), RETRY_MILLISECONDS);
      return;
    }
    for (const [name, words] of Object.entries(error.problem.fields ?? {}))
      this.tellProblem(name, String(words));
    this.say(`${this.word("refused")} ${error.problem.message}`);
  }

  private signInLink(): HTMLAnchorElement {
    const link = document.createElement("a");
    link.className = "text-link";
    link.href = `/sign-in/?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = this.word("sign-in");
    return link;
  }

  private tellProblem(name: string, words: string): void {
    const box = this.box(name);
    const line = box?.querySelector<HTMLElement>("[data-problem]");
    const text = line?.querySelector("span");
    if (!line || !text) return;
    line.hidden = words === "";
    text.textContent = words;
    for (const field of this.fields(name)) {
      if (words) field.setAttribute("aria-invalid", "true");
      else field.removeAttribute("aria-invalid");
    }
  }

  /** Show what the other one wrote, and let the writer decide. */
  private contest(name: string, conflict: Conflict): void {
    const box = this.box(name);
    if (!box) return;
    this.contested.add(name);
    box.querySelector("[data-conflict]")?.remove();
    const notice = document.createElement("div");
    notice.className = "notice notice-bad mt-2";
    notice.dataset.conflict = "";
    notice.setAttribute("role", "alert");
    notice.append(paragraph(this.word(conflict.text === null ? "gone" : "contested")));
    if (conflict.text !== null) {
      const quote = document.createElement("blockquote");
      quote.className = "mt-1 whitespace-pre-wrap wrap-anywhere";
      quote.dir = "auto";
      quote.textContent = conflict.text;
      notice.append(
        paragraph(this.word("theirs")),
        quote,
        this.choices(name, conflict.text, conflict.revision),
      );
    }
    box.append(notice);
  }

  private choices(name: string, theirs: string, revision: number): HTMLElement {
    const line = document.createElement("p");
    line.className = "mt-2 flex flex-wrap gap-2";
    const decide = (word: string, act: () => void): void => {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn btn-quiet btn-sm";
      button.textContent = this.word(word);
      button.addEventListener("click", () => {
        this.contested.delete(name);
        this.seen.set(name, revision);
        act();
        this.box(name)?.querySelector("[data-conflict]")?.remove();
        this.fields(name)[0]?.focus();
      });
      line.append(button);
    };
    decide("keep-mine", () => void this.save());
    decide("take-theirs", () => {
      this.write(name, theirs);
      this.stored.set(name, theirs);
      this.keeping.clear(name);
    });
    return line;
  }

  private box(name: string): HTMLElement | null {
    return this.querySelector<HTMLElement>(`[data-field="${name}"]`);
  }

  private word(key: string): string {
    const words = document.querySelector<HTMLTemplateElement>("#draft-words");
    return words?.content.querySelector(`[data-word="${key}"]`)?.textContent?.trim() ?? "";
  }

  private say(words: string, ...more: Node[]): void {
    this.querySelector("[data-status]")?.replaceChildren(words, ...(more.length > 0 ? [" ", ...more] : []));
  }
}

function paragraph(words: string): HTMLParagraphElement {
  const line = document.createElement("p");
  line.textContent = words;
  return line;
}

/** Hours and minutes as this device writes them. */
function clock(moment: string): string {
  return new Date(moment).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

customElements.define("draft-form", DraftForm);
