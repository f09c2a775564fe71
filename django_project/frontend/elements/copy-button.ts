/** `<copy-button value="0x…" data-done="Copied">` around a button: copies the whole value and says so. */
export class CopyButton extends HTMLElement {
  connectedCallback(): void {
    const button = this.querySelector("button");
    if (!button || !navigator.clipboard) return;
    this.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(this.getAttribute("value") ?? "");
      const label = button.querySelector("[data-label]");
      if (!label) return;
      const before = label.textContent;
      label.textContent = this.dataset.done ?? "";
      setTimeout(() => {
        label.textContent = before;
      }, 2000);
    });
  }
}

customElements.define("copy-button", CopyButton);
