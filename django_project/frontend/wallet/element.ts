import { ApiError } from "../http.ts";
import { say, sayProblem } from "./messages.ts";
import { type MessageKey, Problem, problemFrom } from "./problems.ts";
import type { Wallet } from "./types.ts";

/**
 * A part of a page that a wallet has to act for. The server renders a button `[data-start]`, a live region
 * `[data-place]` and a box `[data-wallets]` for the choice; subclasses say what happens on the click.
 */
export abstract class WalletElement extends HTMLElement {
  #isReady = false;

  connectedCallback(): void {
    // Moving the element (htmx keeps it across swaps) connects it again.
    if (this.#isReady) return;
    this.#isReady = true;
    this.button.disabled = false;
    this.button.addEventListener("click", () => void this.#run());
    this.ready();
  }

  /** What can be shown before the click; called once. */
  protected ready(): void {}

  protected abstract act(): Promise<void>;

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

  /** Offer the wallets as buttons; resolves with the one that is pressed. */
  protected choose = (wallets: readonly Wallet[]): Promise<Wallet> => {
    const box = this.#find("[data-wallets]");
    this.say("choose-wallet");
    return new Promise((resolve) => {
      const buttons = wallets.map((wallet) => {
        const button = document.createElement("button");
        button.type = "button";
        button.className = "wallet-option";
        const icon = document.createElement("img");
        icon.src = wallet.info.icon;
        icon.alt = "";
        button.append(icon, wallet.info.name);
        button.addEventListener("click", () => {
          box.replaceChildren();
          resolve(wallet);
        });
        return button;
      });
      box.replaceChildren(...buttons);
      buttons[0]?.focus();
    });
  };

  async #run(): Promise<void> {
    this.button.disabled = true;
    try {
      await this.act();
    } catch (error) {
      sayProblem(this.place, error instanceof ApiError ? refusal(error) : problemFrom(error));
      this.button.disabled = false;
    }
  }

  #find<Kind extends HTMLElement>(selector: string): Kind {
    const found = this.querySelector<Kind>(selector);
    if (!found) throw new Error(`<${this.localName}> lacks ${selector}`);
    return found;
  }
}

function refusal(error: ApiError): Problem {
  const { message, fields } = error.problem;
  const details = Object.values(fields ?? {}).flat();
  return new Problem("refused-by-site", { detail: [message, ...details].join(" ") });
}
