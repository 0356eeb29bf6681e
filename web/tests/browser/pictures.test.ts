/**
 * Screenshots of the page for docs/page.md, not a test:
 * `MOUE_PICTURES=../docs/images npx vitest run tests/browser/pictures`.
 */

import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, test } from 'vitest';
import { PAGE, ready, visit } from './browser';
import { startHost } from './host';

const OUT = process.env.MOUE_PICTURES ?? '';
const VIDEO = resolve(import.meta.dirname, '../../build/films/film.webm');
const QUALITY = 0.9;

/** Save a screenshot as WebP, which the browser can write and Playwright cannot. */
async function save(page: Page, name: string): Promise<void> {
  const png = (await page.screenshot()).toString('base64');
  const webp = await page.evaluate(
    async ([content, quality]) => {
      const image = new Image();
      image.src = `data:image/png;base64,${content}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = [image.width, image.height];
      canvas.getContext('2d')!.drawImage(image, 0, 0);
      return canvas.toDataURL('image/webp', quality);
    },
    [png, QUALITY] as const,
  );
  writeFileSync(join(OUT, name), Buffer.from(webp.slice(webp.indexOf(',') + 1), 'base64'));
}

const KINDS = {
  desktop: { colorScheme: 'light', viewport: { width: 1280, height: 1000 }, reducedMotion: 'reduce' },
  phone: { colorScheme: 'dark', viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, reducedMotion: 'reduce' },
} as const;

async function showFriends(page: Page): Promise<void> {
  await ready(page);
  await page.click('#examples button >> nth=0');
  await page.waitForFunction(() => document.querySelectorAll('.card').length === 3);
  await page.mouse.move(1, 1); // the face below the pointer would be highlighted
}

describe.skipIf(!OUT)('screenshots', () => {
  test('an image on a phone, in dark colours', async () => {
    const host = await startHost(PAGE);
    const { page, end } = await visit(host.address, { options: KINDS.phone });
    await showFriends(page);
    await save(page, 'page-phone.webp');
    await end();
    await host.close();
  }, 200_000);

  test('why, on a desktop, in light colours', async () => {
    const host = await startHost(PAGE);
    const { page, end } = await visit(host.address, { options: KINDS.desktop });
    await showFriends(page);
    await page.click('.why-toggle >> nth=0');
    await page.waitForFunction(() => document.querySelector<HTMLCanvasElement>('.why > canvas')!.width > 1);
    await page.evaluate(() => (document.activeElement as HTMLElement).blur());
    await page.mouse.move(1, 1);
    await save(page, 'page-why.webp');
    await end();
    await host.close();
  }, 200_000);

  test('a video on a desktop, in light colours', async () => {
    const host = await startHost(PAGE);
    const { page, end } = await visit(host.address, { options: KINDS.desktop });
    await ready(page);
    await page.setInputFiles('#files', VIDEO);
    await page.waitForSelector('video');
    // Slowed down, so that even a busy machine analyses enough frames.
    await page.evaluate(() => (document.querySelector<HTMLVideoElement>('video')!.playbackRate = 0.0625));
    const isNearEnd = () => document.querySelector<HTMLVideoElement>('video')!.currentTime > 5.5;
    await page.waitForFunction(isNearEnd, undefined, { timeout: 150_000 });
    await page.keyboard.press(' ');
    await page.waitForTimeout(500);
    await save(page, 'page-video.webp');
    await end();
    await host.close();
  }, 200_000);
});
