// The life of one contribution on its review page, as a state machine: no wallet, no network, no page in here.
//
// `step` takes a state and what happened, and gives the next state and what is to be done. pledge.ts does it and
// comes back with what happened then. docs/pledge-flow.md draws it. What it promises: whenever the network, the
// wallet, the session or the tab goes away, the wallet was asked to pay at most once, and the page says no more
// than is known. Therefore
//   - the site and this browser are told that the wallet is asked *before* it is;
//   - once it is asked, only a clear refusal leads back to the button. Everything else leads to the status page;
//   - a second payment beside one that may be on its way starts only by its owner's decision.
import type { Permit, PermitTerms } from "./permit.ts";
import type { MessageKey, Problem } from "./problems.ts";
import type { Hex } from "./types.ts";

/** What the site wrote down before the wallet opens; `ref` travels in the transaction. */
export interface Intent {
  id: string;
  ref: Hex;
  statusUrl: string;
}

/** What the token still needs before the contribution would be taken. */
export type Need =
  | { for: "nothing" }
  | { for: "permit"; terms: PermitTerms }
  /** An allowance is left that the token does not let anybody change but to zero. */
  | { for: "clearing" }
  | { for: "approval" };

export interface Attempt {
  /** The backer knows of an earlier payment that may be on its way, and decided to make another. */
  isFurther: boolean;
  /** Whether a signed approval may still be tried; an approval that is sent comes after it. */
  mayPermit: boolean;
  permit?: Permit;
}

export type State =
  /** The button can be pressed, and nothing that was asked for here is open. */
  | { at: "ready" }
  /** An earlier payment to the campaign may be on its way: only a decision goes on from here. */
  | { at: "held" }
  /** Nothing has been asked of the wallet but to connect, to approve or to sign an approval. */
  | { at: "looking" | "connecting" | "checking" | "permitting" | "clearing" | "approving"; attempt: Attempt }
  /** The site writes the intent down. */
  | { at: "writing"; attempt: Attempt }
  /** The site is told that the wallet is about to be asked, then this browser is. */
  | { at: "opening" | "noting"; attempt: Attempt; intent: Intent }
  /** The wallet is asked to pay. From here on the money may have left. */
  | { at: "asking"; intent: Intent }
  /** On the way to the status page; what became of the payment is told there. */
  | { at: "leaving"; intent: Intent };

export type Happening =
  /** The page was loaded, or shown again by the back button. */
  | { is: "shown" }
  | { is: "pressed" }
  | { is: "decided" }
  | { is: "none-open" }
  | { is: "found-open"; statusUrl?: string }
  | { is: "connected" }
  | { is: "checked"; need: Need }
  | { is: "permitted"; permit: Permit }
  | { is: "not-permitted" }
  | { is: "cleared" }
  | { is: "approved" }
  | { is: "written"; intent: Intent }
  | { is: "opened" }
  | { is: "noted" }
  | { is: "sent"; intent: Intent; hash: Hex }
  /** The wallet said no, or could not: nothing left it. */
  | { is: "unsent"; problem: Problem }
  /** The wallet was asked, and what it did is not known. */
  | { is: "unanswered" }
  /** Something was asked of the wallet and it has been silent for a while, or says that it is gone. */
  | { is: "silent" }
  /** An approval is on its way for a while. */
  | { is: "slow" }
  /** A step failed before the wallet was asked to pay. */
  | { is: "stopped"; problem: Problem };

export type Effect =
  | { do: "look-for-open-payment" }
  | { do: "connect" }
  | { do: "check"; attempt: Attempt }
  | { do: "sign-permit"; terms: PermitTerms }
  | { do: "clear-allowance" }
  | { do: "approve" }
  | { do: "write-intent"; isFurther: boolean }
  | { do: "tell-opened"; intent: Intent }
  | { do: "note-asked"; intent: Intent; isFurther: boolean }
  | { do: "ask-to-pay"; intent: Intent; permit?: Permit }
  | { do: "note-sent"; intent: Intent; hash: Hex }
  | { do: "forget"; intent: Intent }
  | { do: "tell-rejected"; intent: Intent }
  | { do: "set-open-payments-aside" }
  | { do: "report" }
  | { do: "leave"; intent: Intent }
  | { do: "say"; key: MessageKey; values?: Readonly<Record<string, string>> }
  | { do: "say-nothing" }
  | { do: "say-problem"; problem: Problem }
  | { do: "let-press"; isAllowed: boolean };

export type Step = readonly [State, readonly Effect[]];

export const READY: State = { at: "ready" };

const LET_PRESS: Effect = { do: "let-press", isAllowed: true };
const KEEP_FROM_PRESSING: Effect = { do: "let-press", isAllowed: false };

/** The next state and what is to be done. What does not belong to a state is late, and changes nothing. */
export function step(state: State, happening: Happening): Step {
  switch (happening.is) {
    case "shown":
      return [READY, [KEEP_FROM_PRESSING, { do: "look-for-open-payment" }]];
    case "pressed":
      return isRestartable(state) ? begin() : ignored(state);
    case "decided":
      return state.at === "held" ? goOn() : ignored(state);
    case "none-open":
      if (state.at === "ready") return [READY, [{ do: "say-nothing" }, LET_PRESS]];
      return state.at === "looking" ? connecting(state.attempt) : ignored(state);
    case "found-open":
      return held(state, happening.statusUrl);
    case "connected":
      return state.at === "connecting" ? checking(state.attempt) : ignored(state);
    case "checked":
      return state.at === "checking" ? checked(state.attempt, happening.need) : ignored(state);
    case "permitted":
      if (state.at !== "permitting") return ignored(state);
      return checking({ ...state.attempt, permit: happening.permit, mayPermit: false });
    case "not-permitted":
      if (state.at !== "permitting") return ignored(state);
      return checking({ ...state.attempt, mayPermit: false });
    case "cleared":
      return state.at === "clearing" ? checking(state.attempt) : ignored(state);
    case "approved":
      return state.at === "approving" ? checking(state.attempt) : ignored(state);
    case "written":
      return state.at === "writing" ? opening(state.attempt, happening.intent) : ignored(state);
    case "opened":
      return state.at === "opening" ? noting(state.attempt, state.intent) : ignored(state);
    case "noted":
      return state.at === "noting" ? asking(state.attempt, state.intent) : ignored(state);
    case "sent":
      return sent(state, happening.intent, happening.hash);
    case "unsent":
      return state.at === "asking" ? unsent(state.intent, happening.problem) : ignored(state);
    case "unanswered":
      return state.at === "asking" ? unanswered(state.intent) : ignored(state);
    case "silent":
      return silent(state);
    case "slow":
      return state.at === "clearing" || state.at === "approving" ? [state, [LET_PRESS]] : ignored(state);
    case "stopped":
      return stopped(state, happening.problem);
  }
}

function ignored(state: State): Step {
  return [state, []];
}

/** Where a wallet that stays silent may be asked anew: what it was asked for pays nothing. */
function isRestartable(state: State): boolean {
  return ["ready", "looking", "connecting", "checking", "permitting", "clearing", "approving"].includes(
    state.at,
  );
}

function begin(): Step {
  const attempt: Attempt = { isFurther: false, mayPermit: true };
  return [{ at: "looking", attempt }, [KEEP_FROM_PRESSING, { do: "look-for-open-payment" }]];
}

function goOn(): Step {
  const [state, effects] = connecting({ isFurther: true, mayPermit: true });
  return [state, [{ do: "set-open-payments-aside" }, ...effects]];
}

function connecting(attempt: Attempt): Step {
  return [
    { at: "connecting", attempt },
    [KEEP_FROM_PRESSING, { do: "say", key: "connecting" }, { do: "connect" }],
  ];
}

function checking(attempt: Attempt): Step {
  return [
    { at: "checking", attempt },
    [KEEP_FROM_PRESSING, { do: "say", key: "checking" }, { do: "check", attempt }],
  ];
}

function checked(attempt: Attempt, need: Need): Step {
  // An approval that is sent stands for a permit that the token did not take.
  const { permit: _, ...unpermitted } = attempt;
  switch (need.for) {
    case "permit":
      return [
        { at: "permitting", attempt },
        [
          { do: "say", key: "permit-token" },
          { do: "sign-permit", terms: need.terms },
        ],
      ];
    case "clearing":
      return [
        { at: "clearing", attempt: unpermitted },
        [{ do: "say", key: "clear-allowance" }, { do: "clear-allowance" }],
      ];
    case "approval":
      return [
        { at: "approving", attempt: unpermitted },
        [{ do: "say", key: "approve-token" }, { do: "approve" }],
      ];
    case "nothing":
      return [{ at: "writing", attempt }, [{ do: "write-intent", isFurther: attempt.isFurther }]];
  }
}

function opening(attempt: Attempt, intent: Intent): Step {
  return [{ at: "opening", attempt, intent }, [{ do: "tell-opened", intent }]];
}

function noting(attempt: Attempt, intent: Intent): Step {
  const { isFurther } = attempt;
  return [{ at: "noting", attempt, intent }, [{ do: "note-asked", intent, isFurther }]];
}

function asking({ permit }: Attempt, intent: Intent): Step {
  const ask: Effect = permit ? { do: "ask-to-pay", intent, permit } : { do: "ask-to-pay", intent };
  return [{ at: "asking", intent }, [{ do: "say", key: "awaiting-signature" }, ask]];
}

/** The hash counts whenever it comes, also after the page has told that none came. */
function sent(state: State, intent: Intent, hash: Hex): Step {
  const keep: Effect[] = [{ do: "note-sent", intent, hash }];
  if (state.at !== "asking") return [state, [...keep, { do: "report" }]];
  return [
    { at: "leaving", intent },
    [...keep, { do: "say", key: "sent" }, { do: "report" }, { do: "leave", intent }],
  ];
}

function unsent(intent: Intent, problem: Problem): Step {
  return [
    READY,
    [{ do: "forget", intent }, { do: "tell-rejected", intent }, { do: "say-problem", problem }, LET_PRESS],
  ];
}

function unanswered(intent: Intent): Step {
  const values = { status: intent.statusUrl };
  return [
    { at: "leaving", intent },
    [
      { do: "say", key: "payment-unanswered", values },
      { do: "leave", intent },
    ],
  ];
}

function stopped(state: State, problem: Problem): Step {
  if (state.at === "asking" || state.at === "leaving" || state.at === "held") return ignored(state);
  const undo: Effect[] =
    state.at === "opening" || state.at === "noting" ? [{ do: "tell-rejected", intent: state.intent }] : [];
  return [READY, [...undo, { do: "say-problem", problem }, LET_PRESS]];
}

function silent(state: State): Step {
  if (state.at === "asking") {
    return [state, [{ do: "say", key: "payment-unanswered", values: { status: state.intent.statusUrl } }]];
  }
  if (state.at === "ready" || !isRestartable(state)) return ignored(state);
  return [state, [{ do: "say", key: "no-answer" }, LET_PRESS]];
}

function held(state: State, statusUrl: string | undefined): Step {
  if (!["ready", "looking", "writing", "noting"].includes(state.at)) return ignored(state);
  const undo: Effect[] = state.at === "noting" ? [{ do: "tell-rejected", intent: state.intent }] : [];
  const say: Effect = { do: "say", key: "payment-under-way", values: statusUrl ? { status: statusUrl } : {} };
  return [{ at: "held" }, [...undo, KEEP_FROM_PRESSING, say]];
}
