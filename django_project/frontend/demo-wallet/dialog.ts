// What the demo wallet shows. Its words come from the page's `<template id="demo-wallet">`, translated.
import type { DemoAccount } from "./main.ts";
import type { Asker } from "./provider.ts";

export interface Asked {
  kind: "connect" | "sign" | "send";
  account?: string | undefined;
  /** The text to sign, or the address that is called. */
  text?: string;
  value?: string;
  /** Where a transaction goes. */
  network?: string;
}

export interface Answer {
  account: string;
}

export class WalletDialog implements Asker {
  constructor(private readonly accounts: readonly DemoAccount[]) {}

  ask(question: Asked): Promise<Answer | undefined> {
    const dialog = this.#build(question);
    document.body.append(dialog);
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => {
        const account = dialog.querySelector<HTMLSelectElement>("select")?.value ?? question.account ?? "";
        dialog.remove();
        resolve(dialog.returnValue === "approve" ? { account } : undefined);
      });
    });
  }

  #build(question: Asked): HTMLDialogElement {
    const template = document.querySelector<HTMLTemplateElement>("template#demo-wallet");
    const dialog = template?.content.firstElementChild?.cloneNode(true);
    if (!(dialog instanceof HTMLDialogElement)) throw new Error("the page lacks the demo wallet's template");
    for (const part of dialog.querySelectorAll<HTMLElement>("[data-for]")) {
      if (part.dataset.for !== question.kind) part.remove();
    }
    for (const slot of dialog.querySelectorAll<HTMLElement>("[data-slot]")) {
      slot.textContent = this.#value(question, slot.dataset.slot);
    }
    const select = dialog.querySelector("select");
    select?.append(...this.accounts.map((account) => this.#option(account, question.account)));
    return dialog;
  }

  #value(question: Asked, slot: string | undefined): string {
    if (slot === "account") return this.#name(question.account ?? "");
    if (slot === "network") return question.network ?? "";
    return (slot === "value" ? question.value : question.text) ?? "";
  }

  #name(address: string): string {
    const known = this.accounts.find((account) => account.address.toLowerCase() === address.toLowerCase());
    return known ? `${known.label} · ${short(known.address)}` : short(address);
  }

  #option(account: DemoAccount, chosen: string | undefined): HTMLOptionElement {
    const isChosen = account.address.toLowerCase() === chosen?.toLowerCase();
    return new Option(`${account.label} · ${short(account.address)}`, account.address, isChosen, isChosen);
  }
}

function short(address: string): string {
  return `${address.slice(0, 6)}…${address.slice(-4)}`;
}
