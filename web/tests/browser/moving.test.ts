/** The camera and video files: timeline, pause, mirror, downloads, and a missing or refused camera. */

import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { PAGE, isThere, ready, visit } from './browser';
import { startHost } from './host';
import { watch } from './videos';

const VIDEOS = resolve(import.meta.dirname, '../../build/films');
const CAMERA = `${VIDEOS}/camera.mjpeg`;

describe.skipIf(!isThere || !existsSync(CAMERA))('camera and video', () => {
  test('the camera: faces, timeline, pause, mirror, table', async () => {
    const host = await startHost(PAGE);
    const { page, errors, end } = await visit(host.address, { cameraVideo: CAMERA });
    await ready(page);
    await page.keyboard.press('c');
    await page.waitForSelector('.card');
    await page.waitForFunction(() => document.querySelector('#timeline .person') !== null);
    expect(['happy', 'sad']).toContain(await page.locator('.card h3').first().textContent());
    expect(await page.locator('#frame video.mirrored').count()).toBe(1);
    await page.keyboard.press('m');
    expect(await page.locator('#frame video.mirrored').count()).toBe(0);
    await page.waitForFunction(() => Number(document.getElementById('rate')?.dataset.rate) > 0);
    await page.keyboard.press(' ');
    expect(await page.locator('#pause').getAttribute('aria-label')).toBe('Play');
    await page.click('#download');
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#save-csv')]);
    const rows = readFileSync(await download.path(), 'utf8').trim().split('\n').map((row) => row.split(','));
    const time = rows[0]!.indexOf('time_s');
    const times = rows.slice(1).map((row) => Number(row[time]));
    expect(times.length).toBeGreaterThan(2);
    expect(times).toEqual([...times].sort((one, two) => one - two));
    await page.keyboard.press('Escape');
    expect(await page.evaluate(() => document.querySelector('video'))).not.toBeUndefined();
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 90_000);

  test('a video file: two people over its whole length', async () => {
    const host = await startHost(PAGE);
    const { page, errors, end } = await visit(host.address);
    await ready(page);
    const labels = await watch(page, `${VIDEOS}/film.webm`);
    expect(labels).toHaveLength(2);
    expect(labels[0]).toMatch(/^Person 1: on average (happy|sad) \d+ %, .*; seen from 0:00 to 0:0[56]$/);
    expect(labels[1]).toMatch(/^Person 2: on average surprise \d+ %, .*; seen from 0:0[1-3] to 0:0[56]$/);
    await page.click('canvas.band >> nth=0', { position: { x: 5, y: 10 } });
    await page.waitForFunction(() => document.querySelector<HTMLVideoElement>('video')!.currentTime < 1);
    expect(errors).toEqual([]);
    await end();
    await host.close();
  }, 90_000);

  test('no camera, and a camera that is refused', async () => {
    const host = await startHost(PAGE);
    const refused = 'The camera was refused. Allow it for this page in the browser’s address bar, then try again.';
    for (const [settings, message] of [
      [{}, 'No camera was found. Plug one in, or choose images or a video.'],
      [{ cameraVideo: CAMERA, allowed: false }, refused],
    ] as const) {
      const { page, errors, end } = await visit(host.address, settings);
      await page.click('#camera');
      await page.waitForSelector('.toast');
      expect(await page.locator('.toast').textContent()).toBe(message);
      expect(await page.locator('#start').isVisible()).toBe(true);
      expect(errors).toEqual([]);
      await end();
    }
    await host.close();
  }, 90_000);
});
