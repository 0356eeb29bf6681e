/** Light or dark: follows the system until the visitor chooses. */

import { byId } from './dom';

const KEY = 'moue-theme';

export function startTheme(): void {
  const root = document.documentElement;
  const system = matchMedia('(prefers-color-scheme: dark)');
  const button = byId<HTMLButtonElement>('theme');
  const isDark = () => (root.dataset.theme ?? (system.matches ? 'dark' : 'light')) === 'dark';
  const name = () => button.setAttribute('aria-label', isDark() ? 'Use light colours' : 'Use dark colours');
  const stored = read();
  if (stored) root.dataset.theme = stored;
  name();
  system.addEventListener('change', name);
  button.addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    write(root.dataset.theme);
    name();
  });
}

// localStorage throws in browsers that block storage.
function read(): string | null {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'dark' || value === 'light' ? value : null;
  } catch {
    return null;
  }
}

function write(value: string): void {
  try {
    localStorage.setItem(KEY, value);
  } catch {
    // The choice holds for this visit only.
  }
}
