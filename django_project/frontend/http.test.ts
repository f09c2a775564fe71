import { afterEach, describe, expect, it, vi } from "vitest";
import { getJson, postJson } from "./http.ts";

const ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8";
const tokens: (string | null)[] = [];

function answers(...replies: (Response | Error)[]): void {
  tokens.length = 0;
  vi.stubGlobal("fetch", async (_: string, { headers }: { headers: Record<string, string> }) => {
    tokens.push(headers["X-CSRFToken"] ?? null);
    const reply = replies.shift();
    if (reply instanceof Error) throw reply;
    return reply;
  });
}
const json = (body: unknown, status = 200): Response => new Response(JSON.stringify(body), { status });
const outOfDate = (): Response => json({ error: { code: "csrf_failed", message: "CSRF Failed" } }, 403);
const session = json.bind(null, { address: ADDRESS, csrf_token: "fresh" });

afterEach(() => {
  vi.unstubAllGlobals();
  document.body.replaceChildren();
});

describe("postJson", () => {
  it("tries a fresh token once", async () => {
    document.body.innerHTML = '<input name="csrfmiddlewaretoken" value="old">';
    answers(outOfDate(), session(), json({ done: true }));
    expect(await postJson("/x", {}, ADDRESS.toLowerCase())).toEqual({ done: true });
    expect(tokens).toEqual(["old", "old", "fresh"]);
    answers(outOfDate(), session(), outOfDate());
    await expect(postJson("/x", {})).rejects.toMatchObject({ status: 403 });
  });

  it("does not go on in the name of another account, nor of nobody", async () => {
    answers(outOfDate(), json({ address: null, csrf_token: "fresh" }));
    await expect(postJson("/x", {}, ADDRESS)).rejects.toMatchObject({ status: 401 });
    expect(tokens).toHaveLength(2);
  });

  it("leaves other refusals as they are", async () => {
    answers(json({ error: { code: "not_served", message: "We cannot serve this address." } }, 403));
    await expect(postJson("/x", {})).rejects.toMatchObject({ problem: { code: "not_served" } });
    expect(tokens).toHaveLength(1);
  });
});

describe("an answer", () => {
  it.each([
    [new TypeError("Failed to fetch"), { status: 0, isTrouble: true }],
    [new Response("<h1>Bad gateway</h1>", { status: 502 }), { status: 502, isTrouble: true }],
    [json({ error: { code: "gone", message: "It is gone." } }, 410), { status: 410, isTrouble: false }],
  ])("that refuses is an ApiError", async (reply, error) => {
    answers(reply);
    await expect(getJson("/x")).rejects.toMatchObject(error);
  });

  it("may be empty", async () => {
    answers(new Response(null, { status: 204 }));
    expect(await getJson("/x")).toBeUndefined();
  });
});
