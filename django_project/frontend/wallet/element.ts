import { type ChooseWallet, pickWallet } from "./connection.ts";
import { forgetWallet, isAnyRemembered, onWallet, rememberWallet, type WalletSearch } from "./discovery.ts";
import { say, sayNothing, sayProblem } from "./messages.ts";
import { type MessageKey, type Problem, problemFrom } from "./problems.ts";
import type { Provider, Wallet } from "./types.ts";

/** How long a wallet may be silent before the page says that it waits, and what else can be done. */
export const PATIENCE_MILLISECONDS = 30_000;

/**
 * A part of a page that a wallet has to act for. The server renders a button `[data-start]`, a live region
 * `[data-place]` and a box `[data-wallets]` for the choice; subclasses say what happens on the click.
 */
export abstract class WalletElement extends HTMLElement {
  #isReady = false;
  #attempt = 0;
  #stopOffering: () => void = () => {};
  /** The person asked for another wallet, or another account of theirs. */
  protected isOtherWanted = false;

  connectedCallback(): void {
    // Moving the element (htmx keeps it across swaps) connects it again.
    if (this.#isReady) return;
    this.#isReady = true;
    this.button.disabled = false;
    this.button.addEventListener("click", () => this.pressed());
    this.place.addEventListener("click", (event) => void this.#showCode(event));
    if (this.offersOthersAtOnce) this.#offerAnotherWallet();
    this.ready();
  }

  /** Whether the way to another wallet stands beside the button from the beginning, or only after a trouble. */
  protected get offersOthersAtOnce(): boolean {
    return true;
  }

  /** What can be shown before the click; called once. */
  protected ready(): void {}

  protected abstract pressed(): void;

  protected get button(): HTMLButtonElement {
    return this.#find<HTMLButtonElement>("[data-start]");
  }

  protected get place(): HTMLElement {
    return this.#find("[data-place]");
  }

  protected setting(name: string): string {
    const value = this.dataset[name];
    if (value === undefined) throw new Error(`<${this.localName}> lacks data-${name}`);
    return value;
  }

  protected say(key: MessageKey, values: Readonly<Record<string, string>> = {}): void {
    say(this.place, key, values);
  }

  protected sayNothing(): void {
    sayNothing(this.place);
  }

  /** Without a wallet the page goes on listening: one that comes late is offered. */
  protected sayProblem(problem: Problem): void {
    sayProblem(this.place, problem);
    this.#offerAnotherWallet();
    if (problem.key === "no-wallet") this.#offerLateWallets();
  }

  /** What was begun before has nothing more to say. */
  protected startAnew(): void {
    this.#attempt += 1;
    this.#stopOffering();
    this.#find("[data-wallets]").replaceChildren();
  }

  /** Await a wallet's answer; `silent` is called when it takes long, or the wallet says that it is gone. */
  protected async patiently<Answer>(
    answer: Promise<Answer>,
    silent: () => void,
    provider?: Provider,
  ): Promise<Answer> {
    const timer = setTimeout(silent, PATIENCE_MILLISECONDS);
    provider?.on?.("disconnect", silent);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
      provider?.removeListener?.("disconnect", silent);
    }
  }

  /** The same for what may be asked anew: the answer to what was begun before never comes. */
  protected async asking<Answer>(
    answer: Promise<Answer>,
    provider?: Provider,
    silent = (): void => this.silent(),
  ): Promise<Answer> {
    const attempt = this.#attempt;
    const tell = (): void => {
      if (attempt === this.#attempt) silent();
    };
    try {
      return await this.patiently(answer, tell, provider);
    } finally {
      if (attempt !== this.#attempt) await new Promise(() => {});
    }
  }

  protected abstract silent(): void;

  protected async pickWallet(): Promise<Wallet> {
    if (this.isOtherWanted) forgetWallet();
    const wallet = await pickWallet(this.#choose, this.isOtherWanted);
    if (this.offersOthersAtOnce) this.#offerAnotherWallet();
    return wallet;
  }

  /** Offer the wallets as buttons, also those that come later; resolves with the one that is pressed. */
  readonly #choose: ChooseWallet = (search: WalletSearch): Promise<Wallet> => {
    this.say("choose-wallet");
    return new Promise((resolve) => {
      const show = (): void => this.#showWallets(search.wallets, resolve);
      search.onMore(show);
      show();
      this.#find("[data-wallets]").querySelector("button")?.focus();
    });
  };

  #showWallets(wallets: readonly Wallet[], chosen: (wallet: Wallet) => void): void {
    const box = this.#find("[data-wallets]");
    const known = new Set([...box.children].map((each) => (each as HTMLElement).dataset.wallet));
    const missing = wallets.filter(({ info }) => !known.has(info.uuid));
    box.append(
      ...missing.map((wallet) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "wallet-option";
        button.dataset.wallet = wallet.info.uuid;
        const icon = document.createElement("img");
        icon.src = wallet.info.icon || "data:,";
        icon.alt = "";
        button.append(icon, wallet.info.name || this.#words("this-browsers-wallet"));
        button.addEventListener("click", () => {
          box.replaceChildren();
          chosen(wallet);
        });
        return button;
      }),
    );
  }

  #offerLateWallets(): void {
    this.#stopOffering();
    this.#stopOffering = onWallet((wallet) => {
      this.#showWallets([wallet], (chosen) => {
        rememberWallet(chosen);
        this.pressed();
      });
    });
  }

  /** On a desktop without a wallet: the way to this page on a phone that has one. */
  async #showCode({ target }: Event): Promise<void> {
    const button = (target as HTMLElement).closest("[data-show-code]");
    if (!button) return;
    const { pageCode } = await import("./page-code.ts");
    button.replaceWith(pageCode(new URL(window.location.href), this.#words("code")));
  }

  /** Beside the button, once a wallet is remembered: the way to change it. */
  #offerAnotherWallet(): void {
    if (!isAnyRemembered() || this.querySelector("[data-other-wallet]")) return;
    const button = document.createElement("button");
    button.type = "button";
    // Beneath the button that acts where that one is as wide as a phone, beside it elsewhere; never touching.
    button.className = "btn btn-quiet mt-3 w-full sm:mt-0 sm:ml-3 sm:w-auto";
    button.dataset.otherWallet = "";
    button.disabled = this.button.disabled;
    button.textContent = this.#words("other-wallet");
    button.addEventListener("click", () => {
      this.isOtherWanted = true;
      this.pressed();
    });
    this.button.after(button);
  }

  protected set canPress(isAllowed: boolean) {
    this.button.disabled = !isAllowed;
    const other = this.querySelector<HTMLButtonElement>("[data-other-wallet]");
    if (other) other.disabled = !isAllowed;
  }

  #words(name: string): string {
    return (
      document.querySelector<HTMLTemplateElement>(`template[data-words="${name}"]`)?.innerHTML.trim() ?? ""
    );
  }

  #find<Kind extends HTMLElement>(selector: string): Kind {
    const found = this.querySelector<Kind>(selector);
    if (!found) throw new Error(`<${this.localName}> lacks ${selector}`);
    return found;
  }
}

/** What pays nothing: asked anew without harm, so the button comes back after every trouble and long silence. */
export abstract class RepeatableElement extends WalletElement {
  protected abstract act(): Promise<void>;

  protected override pressed(): void {
    void this.#run();
  }

  protected override silent(): void {
    this.say("no-answer");
    this.canPress = true;
  }

  async #run(): Promise<void> {
    this.startAnew();
    this.canPress = false;
    try {
      await this.act();
    } catch (error) {
      this.sayProblem(problemFrom(error));
      this.canPress = true;
    } finally {
      this.isOtherWanted = false;
    }
  }
}
