/** The download menu: opens, closes and supports the arrow keys. */

import { byId } from './dom';

export function startMenu(): { open: () => void } {
  const [button, menu] = [byId<HTMLButtonElement>('download'), byId('download-menu')];
  const items = [...menu.querySelectorAll<HTMLButtonElement>('[role=menuitem]')];
  const set = (open: boolean) => {
    menu.hidden = !open;
    button.setAttribute('aria-expanded', String(open));
    if (open) items.find((item) => !item.disabled)?.focus();
  };
  button.addEventListener('click', () => set(menu.hidden !== false));
  menu.addEventListener('click', () => {
    set(false);
    button.focus();
  });
  menu.addEventListener('keydown', (event) => {
    const usable = items.filter((item) => !item.disabled);
    const place = usable.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) usable[(place + step + usable.length) % usable.length]?.focus();
    if (event.key === 'Escape') {
      set(false);
      button.focus();
    }
    if (step || event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
    }
  });
  document.addEventListener('pointerdown', (event) => {
    if (!byId('downloads').contains(event.target as Node)) set(false);
  });
  return { open: () => set(true) };
}
