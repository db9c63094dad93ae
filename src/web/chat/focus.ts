/** Once what was changed is drawn: until then it may not be there. */
export function focusSoon (selector: string): void {
  requestAnimationFrame(() => document.querySelector<HTMLElement>(selector)?.focus())
}
