/** What a page must not do at any size and in any colours. */

import axe from 'axe-core';
import type { Page } from 'playwright-core';

/** What axe-core finds. */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const checked = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return checked.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 90)).join(' | ')}`);
  });
}

/** By how many pixels the page is wider than the window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
