// What is looked at before a wallet is asked to pay, and the approval that a token wants first.
import { follow } from "./following.ts";
import { permitTerms } from "./permit.ts";
import type { Attempt, Need } from "./pledge-machine.ts";
import { type MessageKey, Problem, problemFrom } from "./problems.ts";
import {
  approveCall,
  type Cost,
  checkToken,
  contributeCall,
  isContract,
  NATIVE,
  NO_REF,
  type Pledge,
  readAllowance,
  requireCode,
  send,
  simulate,
  tryCall,
} from "./transactions.ts";
import type { Provider } from "./types.ts";

export interface Checked {
  need: Need;
  /** Unknown before the approval is there, and to contract wallets. */
  cost?: Cost | undefined;
}

/** Whether the contract would take the pledge now, and what its token needs before; rejects with a Problem. */
export async function checkPledge(provider: Provider, pledge: Pledge, attempt: Attempt): Promise<Checked> {
  const { chain, campaign, token, amount } = pledge;
  const isNative = token === NATIVE;
  await requireCode(provider, chain, isNative ? [campaign] : [campaign, token]);
  const allowance = isNative ? amount : await checkToken(provider, pledge);
  if (allowance >= amount) return { need: { for: "nothing" }, cost: await simulatePledge(provider, pledge) };
  if (attempt.permit) {
    // Whatever keeps the permit from being taken, an approval that is sent may still be.
    const cost = await simulate(provider, contributeCall(pledge, NO_REF, attempt.permit), chain).catch(
      problemFrom,
    );
    if (!(cost instanceof Problem)) return { need: { for: "nothing" }, cost };
    if (cost.key.startsWith("insufficient-funds")) throw cost;
  }
  if (attempt.mayPermit && !(await isContract(provider, pledge.backer))) {
    const terms = await permitTerms(provider, pledge);
    if (terms) return { need: { for: "permit", terms } };
  }
  return { need: await approvalNeeded(provider, pledge, allowance) };
}

/** A token that refuses without a word refuses for one of two reasons: both were looked at. */
async function simulatePledge(provider: Provider, pledge: Pledge): Promise<Cost | undefined> {
  try {
    return await simulate(provider, contributeCall(pledge, NO_REF), pledge.chain);
  } catch (error) {
    throw pledge.token === NATIVE ? error : tokenProblem(error);
  }
}

/** What no contract of ours said, and what a node says when all gas is gone, is the token's refusal. */
function tokenProblem(error: unknown): Problem {
  const problem = problemFrom(error);
  const isNameless = problem.key === "reverted" && problem.revert === "unknown";
  const isOutOfGas = problem.key === "node-trouble" && /\bgas\b/i.test(problem.values.detail ?? "");
  return isNameless || isOutOfGas ? new Problem("reverted", {}, "token") : problem;
}

/** Some tokens change an allowance only from zero. */
async function approvalNeeded(provider: Provider, pledge: Pledge, allowance: bigint): Promise<Need> {
  if (allowance > 0n && !(await takes(provider, pledge, pledge.amount))) return { for: "clearing" };
  return { for: "approval" };
}

async function takes(provider: Provider, pledge: Pledge, amount: bigint): Promise<boolean> {
  try {
    const answer = await tryCall(provider, approveCall(pledge, amount));
    return !/^0x0+$/.test(answer);
  } catch {
    return false;
  }
}

/** How the page waits for the wallet, and then for the network. */
export interface Waiting {
  asking: <Answer>(answer: Promise<Answer>) => Promise<Answer>;
  following: <Answer>(answer: Promise<Answer>) => Promise<Answer>;
  tell: (key: MessageKey) => void;
}

/** Have the wallet take back what is left of an allowance, and wait until it is gone. */
export async function clearAllowance(provider: Provider, pledge: Pledge, waiting: Waiting): Promise<void> {
  await approve(provider, pledge, 0n, (allowance) => allowance === 0n, waiting);
}

/** Have the wallet approve exactly the pledge's amount, and wait until it is approved. */
export async function giveAllowance(provider: Provider, pledge: Pledge, waiting: Waiting): Promise<void> {
  await approve(provider, pledge, pledge.amount, (allowance) => allowance >= pledge.amount, waiting);
}

async function approve(
  provider: Provider,
  pledge: Pledge,
  amount: bigint,
  isEnough: (allowance: bigint) => boolean,
  { asking, following, tell }: Waiting,
): Promise<void> {
  const { chain, backer } = pledge;
  const call = approveCall(pledge, amount);
  try {
    await asking(simulate(provider, call, chain));
  } catch (error) {
    throw tokenProblem(error);
  }
  const hash = await asking(send(provider, call, chain));
  const isByContract = await isContract(provider, backer);
  tell(isByContract ? "waiting-for-signers" : "approving");
  const goal = {
    isReached: async () => isEnough(await readAllowance(provider, pledge)),
    missed: new Problem("reverted", {}, "ERC20InsufficientAllowance"),
  };
  await following(follow(provider, { hash: isByContract ? undefined : hash, sender: backer }, goal));
}
