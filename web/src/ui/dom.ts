/** Making elements in one call, and finding those of index.html. */

type Child = Node | string | null;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Readonly<Record<string, string>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** An element of index.html; a wrong name is a fault of the page. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element as T;
}

export function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** How many frames a second, in whole ones. */
export function perSecond(rate: number): string {
  const frames = Math.round(rate);
  return `${frames} ${frames === 1 ? 'frame' : 'frames'}/s`;
}

/** Say something to people who listen to the page. */
export function announce(text: string): void {
  const place = byId('said');
  if (place.textContent !== text) place.textContent = text;
}

/** Show a short message that goes away by itself. */
export function toast(text: string): void {
  const message = el('p', { class: 'toast', role: 'status' }, text);
  byId('toasts').replaceChildren(message);
  setTimeout(() => message.remove(), 8000);
}
