/** Create elements in one call, and find those of index.html. */

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

/** An element of index.html; an unknown id is a bug in the page. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`index.html has no #${id}`);
  return element as T;
}

export function percent(value: number): string {
  return `${Math.round(value * 100)} %`;
}

/** A frame rate, rounded to whole frames per second. */
export function perSecond(rate: number): string {
  const frames = Math.round(rate);
  return `${frames} ${frames === 1 ? 'frame' : 'frames'}/s`;
}

/** Announce a text to screen readers. */
export function announce(text: string): void {
  const announcer = byId('announcer');
  if (announcer.textContent !== text) announcer.textContent = text;
}

/** Show a short message that disappears by itself. */
export function toast(text: string): void {
  const message = el('p', { class: 'toast', role: 'status' }, text);
  byId('toasts').replaceChildren(message);
  setTimeout(() => message.remove(), 8000);
}
