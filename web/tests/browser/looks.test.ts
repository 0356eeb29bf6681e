/** Window sizes, colour schemes, and access with a screen reader or only a keyboard. */

import { describe, expect, test } from 'vitest';
import { PAGE, isThere, ready, visit } from './browser';
import { startHost } from './host';
import { faults, overflow } from './looks';

describe.skipIf(!isThere)('looks', () => {
  test.each([
    ['light', 1440],
    ['dark', 1440],
    ['light', 320],
    ['dark', 390],
  ] as const)('%s, %i pixels wide: nothing overflows, axe finds no violations', async (colorScheme, width) => {
    const host = await startHost(PAGE);
    const options = { colorScheme, viewport: { width, height: 844 }, reducedMotion: 'reduce' } as const;
    const { page, end } = await visit(host.address, { options });
    await ready(page);
    expect(await overflow(page)).toBe(0);
    expect(await faults(page)).toEqual([]);
    await page.click('#examples button >> nth=0');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
    expect(await overflow(page)).toBe(0);
    expect(await faults(page)).toEqual([]);
    await page.keyboard.press('d');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('save-image');
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('save-csv');
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('download');
    await end();
    await host.close();
  }, 90_000);

  test('the choice of colours is remembered', async () => {
    const host = await startHost(PAGE);
    const { page, end } = await visit(host.address, { options: { colorScheme: 'light' } });
    await page.click('#theme');
    expect(await page.locator('#theme').getAttribute('aria-label')).toBe('Use light colours');
    await page.reload();
    expect(await page.evaluate(() => document.documentElement.dataset.theme)).toBe('dark');
    await end();
    await host.close();
  }, 60_000);
});
