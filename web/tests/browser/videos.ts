/** Plays a video file in the page. */

import type { Page } from 'playwright-core';

/** Open a video, wait for its end and return the timeline's label of each person. A `rate` of 1 is real time. */
export async function watch(page: Page, file: string, rate = 0.4): Promise<(string | null)[]> {
  await page.setInputFiles('#files', file);
  await page.waitForSelector('video');
  // Slowed down, so that even a busy machine analyses enough frames.
  await page.evaluate((slow) => (document.querySelector<HTMLVideoElement>('video')!.playbackRate = slow), rate);
  const hasEnded = () => document.querySelector<HTMLVideoElement>('video')?.ended;
  await page.waitForFunction(hasEnded, undefined, { timeout: 60_000 });
  await page.waitForFunction(() => document.getElementById('pause')?.getAttribute('aria-label') === 'Play');
  return page.locator('canvas.band').evaluateAll((bands) => bands.map((band) => band.getAttribute('aria-label')));
}
