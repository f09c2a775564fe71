import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { announce, BACKER, CAMPAIGN, CHAIN, rpcError, ScriptedProvider } from "../testing.ts";
import { ensureChain, pickWallet, requestAccount, requestThisAccount } from "./connection.ts";
import { discoverWallets } from "./discovery.ts";

const stops: (() => void)[] = [];
function install(rdns: string): ScriptedProvider {
  const provider = new ScriptedProvider({});
  stops.push(announce(provider, rdns));
  return provider;
}

beforeEach(() => localStorage.clear());
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

describe("pickWallet", () => {
  const nobody = vi.fn();

  it("says so when there is no wallet", async () => {
    await expect(pickWallet(nobody)).rejects.toMatchObject({ key: "no-wallet" });
  });

  it("takes the only one without asking", async () => {
    const provider = install("org.example.one");
    expect((await pickWallet(nobody)).provider).toBe(provider);
    expect(nobody).not.toHaveBeenCalled();
  });

  it("asks between two, and remembers the answer", async () => {
    install("org.example.one");
    const second = install("org.example.two");
    const choose = vi.fn(async (wallets) => wallets[1]);
    expect((await pickWallet(choose)).provider).toBe(second);
    expect((await pickWallet(choose)).provider).toBe(second);
    expect(choose).toHaveBeenCalledTimes(1);
  });

  it("lists a wallet once, and nothing that is no wallet", async () => {
    install("org.example.one");
    const shout = () =>
      window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: { info: {} } }));
    window.addEventListener("eip6963:requestProvider", shout);
    const found = await discoverWallets();
    window.removeEventListener("eip6963:requestProvider", shout);
    expect(found.map((wallet) => wallet.info.rdns)).toEqual(["org.example.one"]);
  });
});

describe("requestAccount", () => {
  it.each([
    [[], "locked"],
    [rpcError(4001), "rejected"],
    [rpcError(-32002), "request-pending"],
  ])("reads %o as %s", async (reply, key) => {
    const provider = new ScriptedProvider({ eth_requestAccounts: reply });
    await expect(requestAccount(provider)).rejects.toMatchObject({ key });
  });

  it("writes the address with its checksum", async () => {
    const provider = new ScriptedProvider({ eth_requestAccounts: [BACKER.toLowerCase()] });
    expect(await requestAccount(provider)).toBe(BACKER);
  });

  it("refuses an account that did not sign in", async () => {
    const provider = new ScriptedProvider({ eth_requestAccounts: [CAMPAIGN] });
    await expect(requestThisAccount(provider, BACKER)).rejects.toMatchObject({
      key: "wrong-account",
      values: { account: CAMPAIGN, expected: BACKER },
    });
  });
});

describe("ensureChain", () => {
  /** A wallet on another chain that moves when it is told to, if it knows the chain. */
  function wallet(knows: boolean): ScriptedProvider {
    let isThere = false;
    let isKnown = knows;
    return new ScriptedProvider({
      eth_chainId: () => (isThere ? "0x7a69" : "0x1"),
      wallet_switchEthereumChain: () => {
        if (!isKnown) return rpcError(4902);
        isThere = true;
        return null;
      },
      wallet_addEthereumChain: () => {
        isKnown = true;
        return null;
      },
    });
  }

  it("asks nothing on the right chain", async () => {
    const provider = new ScriptedProvider({ eth_chainId: "0x7a69" });
    await ensureChain(provider, CHAIN);
    expect(provider.asked).toEqual(["eth_chainId"]);
  });

  it("adds a chain that the wallet does not know", async () => {
    const provider = wallet(false);
    await ensureChain(provider, CHAIN);
    expect(provider.asked).toContain("wallet_addEthereumChain");
  });

  it("asks for help when no node may be named", async () => {
    await expect(ensureChain(wallet(false), { ...CHAIN, rpc_urls: [] })).rejects.toMatchObject({
      key: "add-network-by-hand",
    });
  });

  it("reports a refusal to switch", async () => {
    const provider = new ScriptedProvider({
      eth_chainId: "0x1",
      wallet_switchEthereumChain: rpcError(4001),
    });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key: "rejected" });
  });

  it("notices a wallet that says yes and stays", async () => {
    const provider = new ScriptedProvider({ eth_chainId: "0x1" });
    await expect(ensureChain(provider, CHAIN)).rejects.toMatchObject({ key: "switch-network" });
  });
});
