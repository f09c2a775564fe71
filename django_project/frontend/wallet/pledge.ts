import { ApiError, getJson, postJson } from "../http.ts";
import {
  forget,
  forgetSettled,
  noteAsked,
  noteSent,
  openPayments,
  type Payment,
  SETTLED,
  setAside,
} from "../payments.ts";
import { reportPayments } from "../reporter.ts";
import { ensureChain, pageChain, requestThisAccount } from "./connection.ts";
import { WalletElement } from "./element.ts";
import { previewFee, showFee } from "./fee.ts";
import { type Permit, type PermitTerms, signPermit } from "./permit.ts";
import { checkPledge, clearAllowance, giveAllowance, type Waiting } from "./pledge-checks.ts";
import {
  type Attempt,
  type Effect,
  type Happening,
  type Intent,
  READY,
  type State,
  step,
} from "./pledge-machine.ts";
import { isRefusal, isUnsent, Problem, problemFrom } from "./problems.ts";
import { contributeCall, NO_REF, type Pledge, send } from "./transactions.ts";
import type { Hex, Provider } from "./types.ts";

const PLEDGES = "/api/v1/pledges";
/** How long a report may hold up the way to the status page; it goes on there. */
export const REPORT_MILLISECONDS = 3000;
const TELL_ATTEMPTS = 3;
const TELL_PAUSE_MILLISECONDS = 500;

/** The site's name for a pledge that it holds back because of an earlier one. */
const UNDER_WAY = "pledge_under_way";

/** What takes time; all else is done at once. */
type Lasting =
  | "look-for-open-payment"
  | "connect"
  | "check"
  | "sign-permit"
  | "clear-allowance"
  | "approve"
  | "write-intent"
  | "tell-opened"
  | "note-asked"
  | "ask-to-pay"
  | "report";

interface WrittenIntent {
  id: string;
  ref: Hex;
  status_url: string;
}

/**
 * `<wallet-pledge>` on the review page: does what pledge-machine.ts asks for, and tells it what came of it.
 * What the browser reports is a hint: the chain alone confirms.
 */
export class WalletPledge extends WalletElement {
  #state: State = READY;
  #provider: Provider | undefined;

  protected override ready(): void {
    this.place.addEventListener("click", (event) => {
      if ((event.target as HTMLElement).closest("[data-go-on]")) this.#happened({ is: "decided" });
    });
    window.addEventListener("pageshow", (event) => {
      if (event.persisted) this.#shown();
    });
    this.#shown();
    const pledge = this.#pledge;
    void previewFee(this.#feePlace, pledge.chain, pledge.backer, contributeCall(pledge, NO_REF));
  }

  protected override pressed(): void {
    this.startAnew();
    this.#happened({ is: "pressed" });
  }

  #shown(): void {
    this.startAnew();
    this.#happened({ is: "shown" });
  }

  #happened(happening: Happening): void {
    const [state, effects] = step(this.#state, happening);
    this.#state = state;
    void this.#perform(effects);
  }

  async #perform(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) {
      try {
        const happening = await this.#do(effect);
        if (happening) this.#happened(happening);
      } catch (error) {
        this.#happened({ is: "stopped", problem: paymentProblem(error) });
        // Nothing that fails keeps a payment from its page.
        if (this.#state.at !== "leaving") return;
      }
    }
  }

  async #do(effect: Effect): Promise<Happening | undefined> {
    switch (effect.do) {
      case "look-for-open-payment":
        return this.#lookForOpenPayment();
      case "connect":
        return this.#connect();
      case "check":
        return this.#check(effect.attempt);
      case "sign-permit":
        return this.#signPermit(effect.terms);
      case "clear-allowance":
        await clearAllowance(this.#wallet, this.#pledge, this.#waiting);
        return { is: "cleared" };
      case "approve":
        await giveAllowance(this.#wallet, this.#pledge, this.#waiting);
        return { is: "approved" };
      case "write-intent":
        return this.#writeIntent(effect.isFurther);
      case "tell-opened":
        await this.#tellSite(effect.intent, "opened");
        return { is: "opened" };
      case "note-asked":
        return this.#noteAsked(effect.intent, effect.isFurther);
      case "ask-to-pay":
        return this.#askToPay(effect.intent, effect.permit);
      case "report":
        await Promise.race([reportPayments(), pause(REPORT_MILLISECONDS)]);
        return undefined;
      default:
        this.#doAtOnce(effect);
        return undefined;
    }
  }

  #doAtOnce(effect: Exclude<Effect, { do: Lasting }>): void {
    switch (effect.do) {
      case "note-sent":
        noteSent(this.#payment(effect.intent), effect.hash);
        break;
      case "forget":
        forget(effect.intent.id);
        break;
      case "tell-rejected":
        // Only a courtesy: the site goes on saying that the wallet was asked.
        void this.#tellSite(effect.intent, "rejected").catch(() => {});
        break;
      case "set-open-payments-aside":
        for (const { id } of openPayments(this.setting("campaign"))) setAside(id);
        break;
      case "leave":
        location.assign(effect.intent.statusUrl);
        break;
      case "say":
        this.say(effect.key, effect.values);
        break;
      case "say-nothing":
        this.sayNothing();
        break;
      case "say-problem":
        this.sayProblem(effect.problem);
        break;
      case "let-press":
        this.canPress = effect.isAllowed;
        break;
    }
  }

  protected override silent(): void {
    this.#happened({ is: "silent" });
  }

  /** The page may know of one; the site is asked about each that this browser does not know the end of. */
  async #lookForOpenPayment(): Promise<Happening> {
    for (const { id, statusUrl } of openPayments(this.setting("campaign"))) {
      const state = await stateOf(id);
      if (state === undefined || !SETTLED.includes(state)) return { is: "found-open", statusUrl };
      forgetSettled(id);
    }
    const { again } = this.dataset;
    return again === undefined ? { is: "none-open" } : { is: "found-open", statusUrl: again };
  }

  async #connect(): Promise<Happening> {
    const { chain, backer } = this.#pledge;
    const isOtherWanted = this.isOtherWanted;
    const { provider } = await this.pickWallet();
    this.say("connecting");
    this.isOtherWanted = false;
    await this.asking(requestThisAccount(provider, backer, isOtherWanted), provider);
    await this.asking(ensureChain(provider, chain), provider);
    this.#provider = provider;
    return { is: "connected" };
  }

  async #check(attempt: Attempt): Promise<Happening> {
    const provider = this.#wallet;
    await this.#awaiting(ensureChain(provider, this.#pledge.chain));
    const { need, cost } = await this.#awaiting(checkPledge(provider, this.#pledge, attempt));
    showFee(this.#feePlace, cost, this.#pledge.chain);
    return { is: "checked", need };
  }

  async #signPermit(terms: PermitTerms): Promise<Happening> {
    try {
      const permit = await this.#awaiting(signPermit(this.#wallet, this.#pledge, terms));
      return permit ? { is: "permitted", permit } : { is: "not-permitted" };
    } catch (error) {
      // A wallet that can't sign this may still send an approval; a person who said no is not asked again.
      if (isRefusal(error)) throw error;
      return { is: "not-permitted" };
    }
  }

  async #writeIntent(isFurther: boolean): Promise<Happening> {
    const { tierId, backer } = this.#pledge;
    const wish = { campaign: this.setting("campaign"), amount: this.setting("amount"), tier_id: tierId };
    try {
      const body = isFurther ? { ...wish, again: true } : wish;
      const { id, ref, status_url } = await postJson<WrittenIntent>(PLEDGES, body, backer);
      return { is: "written", intent: { id, ref, statusUrl: status_url } };
    } catch (error) {
      if (error instanceof ApiError && error.problem.code === UNDER_WAY) return { is: "found-open" };
      throw error;
    }
  }

  /** Of two tabs that come here at once the second finds the first one's note. */
  #noteAsked(intent: Intent, isFurther: boolean): Happening {
    const [other] = isFurther ? [] : openPayments(this.setting("campaign"));
    if (other) return { is: "found-open", statusUrl: other.statusUrl };
    noteAsked(this.#payment(intent));
    return { is: "noted" };
  }

  async #askToPay(intent: Intent, permit: Permit | undefined): Promise<Happening> {
    const call = contributeCall(this.#pledge, intent.ref, permit);
    try {
      const asked = send(this.#wallet, call, this.#pledge.chain);
      const answer = await this.patiently(asked, () => this.silent(), this.#provider);
      return isHash(answer) ? { is: "sent", intent, hash: answer } : { is: "unanswered" };
    } catch (error) {
      return isUnsent(error) ? { is: "unsent", problem: paymentProblem(error) } : { is: "unanswered" };
    }
  }

  async #tellSite(intent: Intent, what: "opened" | "rejected"): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await postJson(`${PLEDGES}/${intent.id}/${what}`, { ref: intent.ref });
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isTrouble || attempt === TELL_ATTEMPTS) throw error;
        await pause(attempt * TELL_PAUSE_MILLISECONDS);
      }
    }
  }

  #awaiting<Answer>(answer: Promise<Answer>): Promise<Answer> {
    return this.asking(answer, this.#provider);
  }

  readonly #waiting: Waiting = {
    asking: (answer) => this.#awaiting(answer),
    following: (answer) => this.asking(answer, this.#provider, () => this.#happened({ is: "slow" })),
    tell: (key) => this.say(key),
  };

  get #wallet(): Provider {
    if (!this.#provider) throw new Error("no wallet was connected");
    return this.#provider;
  }

  get #feePlace(): Element | null {
    return document.querySelector("[data-network-fee]");
  }

  get #pledge(): Pledge {
    return {
      chain: pageChain(Number(this.setting("chain"))),
      backer: this.setting("backer") as Hex,
      campaign: this.setting("address") as Hex,
      token: this.setting("token") as Hex,
      amount: BigInt(this.setting("baseUnits")),
      tierId: Number(this.setting("tier")),
      unit: { symbol: this.setting("symbol"), decimals: Number(this.setting("decimals")) },
    };
  }

  #payment({ id, ref, statusUrl }: Intent): Payment {
    return { id, ref, statusUrl, campaign: this.setting("campaign") };
  }
}

/** What the site knows of a pledge; undefined while it can't say. */
async function stateOf(id: string): Promise<string | undefined> {
  try {
    return (await getJson<{ state: string }>(`${PLEDGES}/${id}`)).state;
  } catch {
    return undefined;
  }
}

/** A payment that was rejected may have followed an approval that stands. */
function paymentProblem(error: unknown): Problem {
  const problem = problemFrom(error);
  return problem.key === "rejected" ? new Problem("rejected-payment") : problem;
}

/** Contract wallets name what they sent by hashes of their own, which look the same. */
function isHash(answer: unknown): answer is Hex {
  return typeof answer === "string" && /^0x[0-9a-f]{64}$/i.test(answer);
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
