/** Watching a film in the page. */

import type { Page } from 'playwright-core';

/** Open a video file, wait for its end, and return what the timeline says of each person. A `rate` of 1 is real time. */
export async function watched(page: Page, file: string, rate = 0.4): Promise<(string | null)[]> {
  await page.setInputFiles('#files', file);
  await page.waitForSelector('video');
  // Slower, so that also a busy machine sees enough frames.
  await page.evaluate((slow) => (document.querySelector<HTMLVideoElement>('video')!.playbackRate = slow), rate);
  await page.waitForFunction(() => document.querySelector<HTMLVideoElement>('video')?.ended, undefined, { timeout: 60_000 });
  await page.waitForFunction(() => document.getElementById('pause')?.getAttribute('aria-label') === 'Play');
  return page.locator('canvas.band').evaluateAll((bands) => bands.map((band) => band.getAttribute('aria-label')));
}
