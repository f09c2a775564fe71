/**
 * `<share-button data-done="Link copied">` around a link to what is to be shared: opens the device's own
 * sheet, or else copies the address and says so. Where neither can be done the link stays a link.
 */
export class ShareButton extends HTMLElement {
  connectedCallback(): void {
    const link = this.querySelector("a");
    link?.addEventListener("click", (event) => {
      if (!navigator.share && !navigator.clipboard) return;
      event.preventDefault();
      void this.share(link);
    });
  }

  private async share(link: HTMLAnchorElement): Promise<void> {
    if (navigator.share) {
      try {
        await navigator.share({ title: this.dataset.title ?? document.title, url: link.href });
        return;
      } catch (error) {
        // Closing the sheet is an answer too; anything else falls back to the clipboard.
        if (error instanceof DOMException && error.name === "AbortError") return;
      }
    }
    try {
      await navigator.clipboard.writeText(link.href);
      this.say(this.dataset.done ?? "");
    } catch {
      window.location.assign(link.href);
    }
  }

  private say(words: string): void {
    const label = this.querySelector("[data-label]");
    if (!label || label.textContent === words) return;
    const before = label.textContent;
    label.textContent = words;
    setTimeout(() => {
      label.textContent = before;
    }, 2000);
  }
}

customElements.define("share-button", ShareButton);
