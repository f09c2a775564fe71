import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { noteAsked, noteSent, type Payment, payments, unreportedPayments } from "./payments.ts";
import { reportPayments } from "./reporter.ts";
import { HASH } from "./testing.ts";

const payment: Payment = { id: "7", ref: HASH, campaign: "1:0x", statusUrl: "/pledges/7/" };
const posted = vi.fn();
let replies: (number | Error)[];

beforeEach(() => {
  localStorage.clear();
  posted.mockReset();
  vi.useFakeTimers();
  vi.stubGlobal("fetch", async (url: string, { body }: { body: string }) => {
    posted(url, JSON.parse(body));
    const reply = replies.length > 1 ? replies.shift() : replies[0];
    if (reply instanceof Error) throw reply;
    return new Response("{}", { status: reply as number });
  });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe("reportPayments", () => {
  it("has nothing to say of a wallet that only was asked", async () => {
    noteAsked(payment);
    await reportPayments();
    expect(posted).not.toHaveBeenCalled();
    expect(payments()).toEqual([payment]);
  });

  it("tries again with longer pauses until the site has heard", async () => {
    replies = [new TypeError("Failed to fetch"), 502, 401, 429, 200];
    noteSent(payment, HASH);
    const done = reportPayments();
    await vi.advanceTimersByTimeAsync(0);
    const before: number[] = [];
    for (const pause of [1000, 2000, 4000, 8000]) {
      await vi.advanceTimersByTimeAsync(pause - 1);
      before.push(posted.mock.calls.length);
      await vi.advanceTimersByTimeAsync(1);
    }
    await done;
    expect(before).toEqual([1, 2, 3, 4]);
    expect(posted).toHaveBeenCalledTimes(5);
    expect(posted).toHaveBeenLastCalledWith("/api/v1/pledges/7/submitted", { tx_hash: HASH, ref: HASH });
    expect(unreportedPayments()).toEqual([]);
    expect(payments()).toEqual([{ ...payment, hash: HASH, isReported: true }]);
  });

  it.each([
    ["the network is back", () => window.dispatchEvent(new Event("online"))],
    ["there is another to report", () => void reportPayments()],
  ])("tries again at once when %s", async (_, wake) => {
    replies = [502, 200];
    noteSent(payment, HASH);
    const done = reportPayments();
    await vi.advanceTimersByTimeAsync(1);
    expect(posted).toHaveBeenCalledTimes(1);
    wake();
    await done;
    expect(posted).toHaveBeenCalledTimes(2);
  });

  it("forgets a pledge that the site does not have", async () => {
    replies = [404];
    noteSent(payment, HASH);
    await reportPayments();
    expect(payments()).toEqual([]);
  });

  it.each([400, 422])(
    "keeps that the wallet was asked when the site can't read the hash (%d)",
    async (status) => {
      replies = [status];
      noteSent(payment, HASH);
      await reportPayments();
      expect(payments()).toEqual([payment]);
    },
  );
});
